# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers the balancer makes itself: their EDNS, their Extended DNS Error, and when they come."""
import re
import subprocess

import dns.edns
import dns.message
import pytest
from harness import message as m
from harness.stub import silent
from harness.wait import SANITIZER, until

OTHER, NOT_SUPPORTED, NO_REACHABLE_AUTHORITY, NETWORK_ERROR = 0, 21, 22, 23


def check_ede(reply, code, text):
    """As dnspython reads it; and no other option."""
    options = dns.message.from_wire(reply.data, ignore_trailing=False).options
    assert [type(option) for option in options] == [dns.edns.EDEOption]
    assert (int(options[0].code), options[0].text) == (code, text)


def check_servfail(reply, query):
    assert reply.rcode == m.SERVFAIL
    assert reply.question == m.View(query).question
    assert not reply.flags & (m.AA | m.TC)
    asked, edns = m.View(query).edns(), reply.edns()
    if asked is None:
        assert reply.counts == [1, 0, 0, 0]
        return
    assert reply.counts == [1, 0, 0, 1]
    assert edns["size"] == 1232 and edns["version"] == 0 and edns["ext_rcode"] == 0
    assert edns["do"] == asked["do"]
    assert [code for code, _ in edns["options"]] == [m.EDE]
    assert int.from_bytes(edns["options"][0][1][:2], "big") in (NO_REACHABLE_AUTHORITY, NETWORK_ERROR)


ECS = m.option(m.ECS, bytes([0, 1, 32, 0, 1, 2, 3, 4]))
QUERIES = {
    "without EDNS": {},  # 27
    "EDNS": {"edns": m.opt(4096)},  # 28
    "EDNS and DO": {"edns": m.opt(4096, do=True)},
    "EDNS and client subnet": {"edns": m.opt(4096, options=ECS)},
    "EDNS and cookie": {"edns": m.opt(512, options=m.option(m.COOKIE, b"clientck"))},
    "RD and CD": {"flags": m.RD | m.CD},
    "neither RD nor CD": {"flags": 0},
}


@pytest.mark.parametrize("what", QUERIES)
def test_servfail_without_a_server(balancer, stub, what):  # 27, 28, 63
    daemon = balancer([stub.row(state="down")])
    query = m.query("NoBody.example.test", **QUERIES[what])
    check_servfail(daemon.ask(query), query)
    assert daemon.counter("answered_no_server") == 1
    assert not stub.queries and not stub.probes


@pytest.mark.parametrize("what", QUERIES)
def test_servfail_at_the_deadline(balancer, stubs, what):  # 27, 28
    daemon = balancer([stubs(silent).address], deadline_ms=300)
    query = m.query("NoBody.example.test", **QUERIES[what])
    check_servfail(daemon.ask(query), query)
    assert daemon.counter("answered_deadline") == 1


def test_servfail_without_a_server_comes_at_once(balancer, stub):  # 58
    daemon = balancer([stub.row(state="down")], deadline_ms=20000)
    with daemon.client() as client:
        took = min(client.ask_timed(m.query())[1] for _ in range(5))
    assert SANITIZER or took < 0.1


def test_servfail_comes_when_the_server_is_not_there(balancer, stub, stubs):
    gone = stubs()
    daemon = balancer([gone.forced()], deadline_ms=1500)
    gone.close()
    query = m.query(edns=m.opt())
    check_servfail(daemon.ask(query), query)
    values = daemon.counters()["counters"]
    assert values["answered_unreachable"] + values["answered_deadline"] == 1


def test_formerr_and_notimp_mirror_edns(balancer, stub):
    daemon = balancer([stub.address])
    for do in (False, True):
        edns = daemon.ask(m.query(opcode=2, edns=m.opt(4096, do=do, options=ECS))).edns()
        assert (edns["size"], edns["do"]) == (1232, do)
        assert m.ECS not in [code for code, _ in edns["options"]]
        assert daemon.ask(m.query(opcode=2)).edns() is None


def test_notimp_says_not_supported(balancer, stub):
    daemon = balancer([stub.address])
    for opcode in (1, 2):  # dnspython reads no unknown one
        reply = daemon.ask(m.query(opcode=opcode, edns=m.opt(4096)))
        assert reply.rcode == m.NOTIMP
        check_ede(reply, NOT_SUPPORTED, None)


def test_formerr_says_malformed_where_the_opt_was_read(balancer, stub):
    daemon = balancer([stub.address])
    plain, edns = m.query(), m.query(edns=m.opt(4096))
    two = edns[:11] + b"\2" + edns[12:]
    for query in (two, two + m.opt(4096), two + b"\1"):
        reply = daemon.ask(query)
        assert reply.rcode == m.FORMERR and reply.question == m.View(plain).question
        check_ede(reply, OTHER, "malformed query")
    for query in (edns[:-1], plain[:11] + b"\1" + plain[12:], plain[:5] + b"\2" + plain[6:]):
        reply = daemon.ask(query)
        assert (reply.rcode, reply.counts[3]) == (m.FORMERR, 0)


def dig(daemon, *how):
    argv = ["dig", "@127.0.0.1", "-p", str(daemon.port), "over.example.test", "+notcp", "+ignore", *how]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


def test_dig_shows_why(balancer, stubs):
    stub = stubs(silent)
    row = stub.forced(max_outstanding=1)
    daemon = balancer([row], on_overload="refused", deadline_ms=20000, workers=1)
    with daemon.client() as client:
        held = fill(stub, client, 1)
        shown = {
            "NOTIMP": (dig(daemon, "+opcode=status"), r"; EDE: 21 \(Not Supported\)$"),
            "REFUSED": (dig(daemon), r"; EDE: 0 \(Other\): \(overloaded\)$"),
        }
        stub.send(held[0], held[0].reply())
        client.receive()
    for rcode, (text, ede) in shown.items():
        assert f"status: {rcode}," in text and re.search(ede, text, re.MULTILINE), text
    assert "EDE" not in dig(daemon, "+opcode=status", "+noedns")


def test_announced_size_is_the_configured_one(balancer, stub):
    daemon = balancer([stub.row(state="down")], udp_reply_max=1400)
    assert daemon.ask(m.query(edns=m.opt(4096))).edns()["size"] == 1400


def test_on_failure_drop_is_silence(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.forced()], on_failure="drop", deadline_ms=200, workers=1)
    with daemon.client() as client:
        client.send(m.query())
        daemon.wait_counter("dropped_failure", 1)
        stub.script = lambda q: q.reply()
        client.ask_name("after.example.test")
        assert client.is_quiet()


def test_on_failure_drop_is_silence_without_a_server(balancer, stub):
    daemon = balancer([stub.row(state="down")], on_failure="drop", workers=1)
    with daemon.client() as client:
        client.send(m.query())
        daemon.wait_counter("dropped_failure", 1)
        client.ask(m.query(opcode=2))  # NOTIMP comes from us
        assert client.is_quiet()


def fill(stub, client, n):
    """n queries out: the limit is reached."""
    for i in range(n):
        client.send(m.query(f"first{i}.example.test", qid=i))
    return stub.wait_queries(n)


@pytest.mark.parametrize("how,rcode", [("servfail", m.SERVFAIL), ("refused", m.REFUSED)])
@pytest.mark.parametrize("limit", ["max_outstanding", "pending_max"])
def test_on_overload_answers(balancer, stubs, how, rcode, limit):
    stub = stubs(silent)
    n = 64 if limit == "pending_max" else 1
    row = stub.forced(max_outstanding=1) if n == 1 else stub.forced()
    keys = {"pending_max": n} if n > 1 else {}
    daemon = balancer([row], on_overload=how, deadline_ms=20000, workers=1, **keys)
    with daemon.client() as client, daemon.client() as other:
        held = fill(stub, client, n)
        reply = other.ask(m.query("over.example.test", edns=m.opt(4096, do=True)))
        assert reply.rcode == rcode
        assert reply.edns()["do"] and reply.edns()["size"] == 1232
        check_ede(reply, OTHER, "overloaded")
        for query in held:
            stub.send(query, query.reply())
        assert {m.View(data).rcode for data in client.gather(n)} == {m.NOERROR}
        values = daemon.counters()["counters"]
        assert (values["shed_limit"], values["shed_answered"]) == (1, 1)
    told = "warning: overloaded; queries shed: 1 (shed_limit 1)"
    # signals, which counters() sends, do not put it off
    until(lambda: daemon.counters() and daemon.log.find(told), told)
    assert len(stub.queries) == n


def test_on_overload_drop_is_silence(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.forced(max_outstanding=1)], deadline_ms=20000, workers=1)
    with daemon.client() as client:
        first = fill(stub, client, 1)[0]
        client.send(m.query("second.example.test"))
        found = daemon.wait_counter("shed_limit", 1)
        assert found["counters"]["shed_answered"] == 0
        stub.send(first, first.reply())
        assert m.View(client.receive()).name == "first0.example.test."
        assert client.is_quiet()


def test_limit_frees_with_each_answer(balancer, stub):
    daemon = balancer([stub.forced(max_outstanding=1)])
    with daemon.client() as client:
        for n in range(50):
            assert client.ask_name(f"n{n}.example.test").rcode == m.NOERROR
    found = daemon.counters()
    assert found["counters"]["shed_limit"] == 0
    assert found["servers"][0]["outstanding"] == 0
