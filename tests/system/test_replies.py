# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server may send: only the true reply is delivered, anything else is counted and ignored,
and never ends a query."""
import pathlib
import signal
import socket
import struct

import pytest
from harness import message as m
from harness import script
from harness.daemon import IS_ROOT
from harness.stub import Send, silent
from harness.wait import PATIENCE, SANITIZER, until

DEADLINE_MS = 600

BAD = {
    "another name": (script.wrong_name, "replies_wrong_question"),  # 4
    "another type": (script.wrong_type, "replies_wrong_question"),  # 5
    "another class": (script.wrong_class, "replies_wrong_question"),  # 5
    "another ID": (script.wrong_id, "replies_unmatched"),
    "QR=0": (script.not_a_reply, "replies_malformed"),
    "two questions": (script.two_questions, "replies_malformed"),
    "cut question": (script.cut_question, "replies_malformed"),
    "cut header": (script.cut_header, "replies_malformed"),
    "name that loops": (script.looping_name, "replies_malformed"),
    "header-only NOERROR": (script.bare(m.NOERROR), None),
    "header-only NXDOMAIN": (script.bare(m.NXDOMAIN), None),
    "another opcode": (script.wrong_opcode, None),
}


def ignored(found):
    kinds = ("unmatched", "wrong_question", "malformed")
    return sum(found["counters"][f"replies_{kind}"] for kind in kinds)


def check_counted(daemon, counter):
    found = daemon.wait_for(ignored, "the bad reply")
    assert ignored(found) == 1
    if counter:
        assert found["counters"][counter] == 1


def swallowed(found):
    return found["counters"]["replies_unmatched"]


@pytest.mark.parametrize("what", BAD)
def test_bad_reply_is_ignored_and_the_deadline_answers(balancer, stubs, what):
    bad, counter = BAD[what]
    stub = stubs(bad)
    daemon = balancer([stub.address], deadline_ms=DEADLINE_MS, attempts=1)
    with daemon.client() as client:
        reply, took = client.ask_timed(m.query())
    assert reply.rcode == m.SERVFAIL
    assert took >= DEADLINE_MS / 1000 - 0.01
    assert SANITIZER or took < DEADLINE_MS / 1000 + 0.5
    check_counted(daemon, counter)
    assert daemon.counter("answered_deadline") == 1


@pytest.mark.parametrize("what", BAD)
def test_bad_reply_does_not_keep_the_true_one_away(balancer, stubs, what):
    bad, counter = BAD[what]
    stub = stubs(script.then_true(bad))
    daemon = balancer([stub.address])
    reply = daemon.ask(m.query())
    assert reply.data[2:] == m.reply(stub.queries[0].data)[2:]
    check_counted(daemon, counter)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9"])
def test_reply_from_another_port_or_address_never_arrives(balancer, stubs, host):
    stub = stubs(silent)
    other = stub.extra_socket(host)
    stub.script = lambda q: [Send(q.reply(m.NXDOMAIN), via=other), Send(q.reply(), delay=0.05)]
    daemon = balancer([stub.address])
    assert daemon.ask(m.query()).rcode == m.NOERROR


@pytest.mark.parametrize("code", [m.FORMERR, m.SERVFAIL, m.NOTIMP, m.REFUSED])
def test_header_only_failure_is_relayed(balancer, stubs, code):  # 8
    stub = stubs(script.bare(code))
    daemon = balancer([stub.address], deadline_ms=DEADLINE_MS)
    assert daemon.ask(m.query()).rcode == code
    assert daemon.counter("answered_server") == 1
    query = m.query(edns=m.opt())
    view = daemon.ask(query)
    # by the missing OPT the client learns that its server knows none
    assert (view.rcode, view.edns(), view.question) == (code, None, m.View(query).question)
    assert not view.flags & m.RA


@pytest.mark.parametrize("code", [m.FORMERR, m.SERVFAIL, m.NXDOMAIN, m.NOTIMP, m.REFUSED, 9])
def test_rcodes_of_the_server_reach_the_client(balancer, stubs, code):
    stub = stubs(script.rcode(code, edns=m.opt(1232, options=m.option(m.EDE, b"\0\6bogus"))))
    daemon = balancer([stub.address], deadline_ms=DEADLINE_MS)
    reply = daemon.ask(m.query(edns=m.opt()))
    assert reply.rcode == code
    assert reply.edns()["options"] == [(m.EDE, b"\0\6bogus")]
    assert daemon.counter("answered_server") == 1


@pytest.mark.parametrize("codes, asked", [((6,), 1), ((22, 6), 1), ((12, 3), 1), ((3, 22), 2), ((13,), 2)])
def test_bogus_data_is_asked_for_once(balancer, stubs, codes, asked):
    """RFC 8914: 6 to 12 say that the data itself is bogus, wherever they stand."""
    options = b"".join(m.option(m.EDE, code.to_bytes(2, "big")) for code in codes)
    bad, good = stubs(script.rcode(m.SERVFAIL, edns=m.opt(options=options))), stubs()
    daemon = balancer([bad.forced(), good.forced()], policy="first-available")
    reply = daemon.ask(m.query(edns=m.opt()))
    assert reply.rcode == (m.SERVFAIL if asked == 1 else m.NOERROR)
    assert len(bad.queries) + len(good.queries) == asked


def test_second_reply_is_swallowed(balancer, stubs):
    stub = stubs(script.twice)
    daemon = balancer([stub.forced()], workers=1)
    with daemon.client() as client:
        for n in range(20):
            client.ask_name(f"n{n}.example.test")
        daemon.wait_for(lambda c: swallowed(c) == 20, "20 second replies")
        assert client.is_quiet()
    assert daemon.counter("answered_server") == 20


def test_reply_after_the_deadline_is_swallowed(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.address], workers=1, deadline_ms=300)
    with daemon.client() as client:
        assert client.ask_name().rcode == m.SERVFAIL
        late = stub.queries[0]
        stub.send(late, late.reply())
        daemon.wait_for(lambda c: swallowed(c) == 1, "the late reply")
        stub.script = script.rcode(m.NXDOMAIN)
        assert client.ask_name("after.example.test").rcode == m.NXDOMAIN
        assert client.is_quiet()


def test_replies_in_any_order_find_their_clients(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.address], deadline_ms=20000)
    n = 200
    clients = [daemon.client() for _ in range(n)]
    queries = [m.query(f"c{i}.example.test", qid=77) for i in range(n)]  # one ID for all
    for client, query in zip(clients, queries):
        client.send(query)
    for query in reversed(stub.wait_queries(n)):
        stub.send(query, query.reply())
    for client, query in zip(clients, queries):
        assert client.receive() == m.reply(query)


def test_case_randomization_reaches_the_server_and_not_the_client(balancer, stub):
    daemon = balancer([stub.address], case_randomize=True)
    query = m.query("a-name-with-quite-some-letters.example.test")
    names = set()
    for n in range(1, 11):
        reply = daemon.ask(query)
        assert reply.rcode == m.NOERROR and reply.question == m.View(query).question
        names.add(stub.wait_queries(n)[-1].name)
    assert len(names) > 5, "ten draws of 30 bits hardly repeat"
    assert {name.lower() for name in names} == {"a-name-with-quite-some-letters.example.test."}


def test_case_randomization_ignores_a_server_that_lower_cases(balancer, stubs):
    stub = stubs(script.lower_case)
    daemon = balancer([stub.address], case_randomize=True, deadline_ms=DEADLINE_MS, attempts=1)
    reply = daemon.ask(m.query("a-name-with-quite-some-letters.example.test"))
    assert reply.rcode == m.SERVFAIL
    assert daemon.counter("replies_wrong_question") == 1


def test_upstream_ids_and_ports_are_unpredictable(balancer, stub):  # 21
    daemon = balancer([stub.address], workers=1)
    n = 2048
    with daemon.client() as client:
        for start in range(0, n, 32):
            for i in range(start, start + 32):
                client.send(m.query(f"n{i}.example.test", qid=i))
            client.gather(32)
    queries = stub.wait_queries(n)
    ids = [query.id for query in queries]
    for shift in (0, 4, 8, 12):  # 15 degrees of freedom: over 60 once in three million runs
        bins = [0] * 16
        for value in ids:
            bins[value >> shift & 15] += 1
        chi_square = sum((count - n / 16) ** 2 / (n / 16) for count in bins)
        assert chi_square < 60, f"bits {shift}: {bins}"
    steps = {(b - a) & 0xFFFF for a, b in zip(ids, ids[1:])}
    assert len(steps) > n * 0.9, "IDs follow a pattern"
    assert sum(a == b.view.id for a, b in zip(range(n), queries)) < 5, "the client's ID shows"
    ports = {query.port for query in queries}
    assert len(ports) >= 8, f"few source ports: {ports}"
    assert min(ports) >= 1024
    gaps = {b - a for a, b in zip(sorted(ports), sorted(ports)[1:])}
    assert len(gaps) > 3, f"ports in steps: {sorted(ports)}"


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def port_unreachable(source_port, server_port):
    """An ICMP message as the host of a closed port sends it, quoting the start of a query of 64 bytes."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 92, 1, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    quoted = ip + struct.pack("!HHHH", source_port, server_port, 72, 0)
    message = struct.pack("!BBHI", 3, 3, 0, 0) + quoted
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def stop_all(daemon):
    daemon.signal(signal.SIGSTOP)
    states = [p / "stat" for p in pathlib.Path(f"/proc/{daemon.pid}/task").iterdir()]
    until(lambda: all(s.read_text().rsplit(")", 1)[1].split()[0] == "T" for s in states), "all threads to stop")


@pytest.mark.skipif(not IS_ROOT, reason="only root sends ICMP messages")
@pytest.mark.parametrize("opcode", [m.QUERY, m.UPDATE])
def test_reply_that_came_before_an_icmp_error_is_the_answer(balancer, opcode):
    # The kernel tells of the error first. An UPDATE was done, and is not to be called failed.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE)
        port = server.getsockname()[1]
        row = {"address": f"127.0.0.1:{port}", "state": "up"}
        daemon = balancer([row], health={"mode": "off"}, workers=1, upstream_sockets=1)
        query = m.query(opcode=opcode)
        with daemon.client() as client:
            client.send(query)
            asked, source = server.recvfrom(4096)
            stop_all(daemon)
            server.sendto(m.reply(asked), source)
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
                raw.sendto(port_unreachable(source[1], port), ("127.0.0.1", 0))
            daemon.signal(signal.SIGCONT)
            assert m.View(client.receive()).rcode == m.NOERROR
    found = daemon.counters()["counters"]
    assert (found["socket_errors"], found["attempt_errors"], found["replies_late"]) == (1, 0, 0)
