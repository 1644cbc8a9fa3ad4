# SPDX-License-Identifier: GPL-3.0-or-later
"""What passes: a query reaches a server, and its reply the client, with nothing changed that must
not change. Numbers are the black-box cases of the peer we compare with (research)."""
import socket
import struct

import dns.message
import dns.tsig
import dns.tsigkeyring
import pytest
from harness import message as m
from harness import script
from harness.client import check_answer
from harness.daemon import IS_ROOT
from harness.stub import silent
from harness.wait import until


def test_query_and_reply_pass_unchanged_but_for_the_id(balancer, stub):  # 1
    daemon = balancer([stub.address])
    with daemon.client() as client:
        query = m.query()
        client.send(query)
        reply = client.receive()
    seen = stub.wait_queries(1)[0].data
    assert m.same_but_id(seen, query)
    assert reply == m.reply(query)  # the client's own ID
    assert m.View(seen).edns() is None and m.View(reply).edns() is None


def test_edns_with_client_subnet_passes_untouched(balancer, stubs):  # 2
    ecs = m.option(m.ECS, bytes([0, 1, 32, 0, 1, 2, 3, 4]))
    server_opt = m.opt(4096, options=m.option(m.ECS, bytes([0, 1, 32, 24, 1, 2, 3, 4])))
    stub = stubs(lambda q: q.reply(edns=server_opt))
    daemon = balancer([stub.address])
    query = m.query(edns=m.opt(4096, options=ecs))
    reply = daemon.ask(query)
    assert m.same_but_id(stub.wait_queries(1)[0].data, query)
    assert reply.data == m.reply(query, edns=server_opt)


@pytest.mark.parametrize("qtype", [m.AAAA, m.MX, m.TXT, m.DNSKEY, m.ANY, 252, 251, 65280])
def test_types_known_and_unknown_pass(balancer, stub, qtype):
    daemon = balancer([stub.address])
    query = m.query(qtype=qtype, qclass=m.CH if qtype == m.TXT else m.IN)
    assert daemon.ask(query).rcode == m.NOERROR
    assert m.same_but_id(stub.wait_queries(1)[0].data, query)


def test_unknown_edns_flags_options_and_versions_pass(balancer, stub):
    daemon = balancer([stub.address])
    query = m.query(edns=m.opt(1400, do=True, version=3, flags=0x1234, options=m.option(65001, b"\xff\0x")))
    assert daemon.ask(query).rcode == m.NOERROR
    assert m.same_but_id(stub.wait_queries(1)[0].data, query)


@pytest.mark.parametrize("flags", [0, m.RD, m.CD, m.AD, m.RD | m.CD | m.AD, 0x0040 | m.RD])
def test_header_flags_reach_the_server(balancer, stub, flags):
    daemon = balancer([stub.address])
    query = m.query(flags=flags)
    assert daemon.ask(query).rcode == m.NOERROR
    assert m.same_but_id(stub.wait_queries(1)[0].data, query)


def test_rd_and_cd_of_the_client_are_restored(balancer, stubs):
    # The server answers with the opposite of what was asked.
    stub = stubs(lambda q: q.reply(flags=m.QR | (q.view.flags ^ (m.RD | m.CD)) & (m.RD | m.CD)))
    daemon = balancer([stub.address])
    for flags in (0, m.RD, m.CD, m.RD | m.CD):
        reply = daemon.ask(m.query(flags=flags))
        assert reply.rcode == m.NOERROR and reply.flags & (m.RD | m.CD) == flags


@pytest.mark.parametrize("change", [script.lower_case, script.upper_case])
def test_case_of_the_clients_question_is_restored(balancer, stubs, change):
    stub = stubs(change)
    daemon = balancer([stub.address])
    query = m.query("wWw.ExAmPlE.tEsT")
    reply = daemon.ask(query)
    assert reply.rcode == m.NOERROR and reply.question == m.View(query).question
    assert stub.wait_queries(1)[0].name == "wWw.ExAmPlE.tEsT."


@pytest.mark.parametrize("opcode", [m.UPDATE, m.NOTIFY])
def test_update_and_notify_are_forwarded(balancer, stub, opcode):  # 20
    daemon = balancer([stub.address])
    query = m.query("example.test", m.SOA, opcode=opcode, flags=0)
    assert daemon.ask(query).rcode == m.NOERROR
    assert m.same_but_id(stub.wait_queries(1)[0].data, query)


def test_update_with_prerequisites_and_changes_passes_unchanged(balancer, stub):
    daemon = balancer([stub.address])
    query = bytearray(m.query("example.test", m.SOA, opcode=m.UPDATE, flags=0))
    query += m.record("new.example.test", m.A, b"", ttl=0, rclass=254)  # prerequisite: none there
    query += m.record("new.example.test", m.A, bytes([192, 0, 2, 9]))
    struct.pack_into("!HH", query, 6, 1, 1)
    daemon.ask(bytes(query))
    assert m.same_but_id(stub.wait_queries(1)[0].data, bytes(query))


def test_signed_query_passes_unchanged_with_case_randomization(balancer, stub):
    daemon = balancer([stub.address], case_randomize=True)
    keyring = dns.tsigkeyring.from_text({"key.example.": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="})
    message = dns.message.make_query("a-long-name-of-letters.example.test", "A")
    message.use_tsig(keyring, "key.example.", algorithm=dns.tsig.HMAC_SHA256)
    query = message.to_wire()
    for n in range(1, 9):  # one in 2^30 would keep its case by chance
        daemon.ask(query)
        assert m.same_but_id(stub.wait_queries(n)[-1].data, query)


def test_large_query_is_forwarded(balancer, stub):  # 22
    daemon = balancer([stub.address])
    for length in (2000, 4095, 4096):
        query = m.padded_query(length)
        assert daemon.ask(query).rcode == m.NOERROR
        assert m.same_but_id(stub.wait_queries(1)[-1].data, query)


def test_query_over_4096_bytes_gets_silence(balancer, stub):
    daemon = balancer([stub.address], workers=1)
    with daemon.client() as client:
        client.send(m.padded_query(4097))
        daemon.wait_counter("dropped_oversize", 1)
        client.ask_name("after.example.test")  # the first datagram to come back
    assert [q.name for q in stub.queries] == ["after.example.test."]


def test_empty_question_gets_formerr(balancer, stub):  # 10
    daemon = balancer([stub.address])
    query = struct.pack("!HHHHHH", 0x1234, m.RD, 0, 0, 0, 0)
    reply = daemon.ask(query)
    assert (reply.rcode, reply.counts) == (m.FORMERR, [0, 0, 0, 0])
    assert daemon.counter("answered_formerr") == 1
    assert not stub.queries


def test_empty_question_with_edns_is_forwarded(balancer, stubs):  # 10, RFC 7873 5.4
    opt = m.opt(1232, options=m.option(m.COOKIE, b"clientckservercookie"))
    stub = stubs(lambda q: struct.pack("!HHHHHH", q.id, m.QR, 0, 0, 0, 1) + opt)
    daemon = balancer([stub.address])
    query = struct.pack("!HHHHHH", 0x1234, 0, 0, 0, 0, 1) + m.opt(options=m.option(m.COOKIE, b"clientck"))
    reply = daemon.ask(query)
    assert m.same_but_id(stub.wait_queries(1)[0].data, query)
    assert reply.edns()["options"] == [(m.COOKIE, b"clientckservercookie")]


def test_message_with_qr_gets_silence(balancer, stub):  # 11
    daemon = balancer([stub.address], workers=1)
    with daemon.client() as client:
        client.send(m.reply(m.query()))
        daemon.wait_counter("dropped_response", 1)
        client.ask_name("after.example.test")
    assert [q.name for q in stub.queries] == ["after.example.test."]


def test_datagram_without_a_header_gets_silence(balancer, stub):  # 12
    daemon = balancer([stub.address], workers=1)
    with daemon.client() as client:
        for length in range(12):
            client.send(m.query()[:length])
        daemon.wait_counter("dropped_short", 12)
        client.ask_name("after.example.test")
    assert [q.name for q in stub.queries] == ["after.example.test."]


@pytest.mark.skipif(not IS_ROOT, reason="only root sends what the kernel would not")
def test_query_from_port_0_gets_silence(balancer, stub):
    daemon = balancer([stub.address], workers=1)
    query = m.query()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
        raw.sendto(struct.pack("!HHHH", 0, daemon.port, 8 + len(query), 0) + query, ("127.0.0.1", 0))
    daemon.wait_counter("dropped_portless", 1)
    with daemon.client() as client:
        client.ask_name("after.example.test")
    assert [q.name for q in stub.queries] == ["after.example.test."]


GARBAGE_QUESTIONS = {
    "cut in the name": b"\3www\7exam",
    "cut before the class": b"\3www\0\0\1\0",
    "pointer": b"\xc0\x0c\0\1\0\1",
    "label type 01": b"\x41www\0\0\1\0\1",
    "label type 10": b"\x81www\0\0\1\0\1",
    "over 255 bytes": (b"\x3f" + b"x" * 63) * 4 + b"\0\0\1\0\1",
    "nothing": b"",
}


@pytest.mark.parametrize("what", GARBAGE_QUESTIONS)
def test_garbage_question_gets_formerr(balancer, stub, what):  # 12
    daemon = balancer([stub.address])
    head = struct.pack("!HHHHHH", 0x4321, m.RD, 1, 0, 0, 0)
    with daemon.client() as client:
        client.send(head + GARBAGE_QUESTIONS[what])
        reply = client.receive()
        assert reply[:2] == head[:2] and reply[3] & 15 == m.FORMERR
        assert m.View(reply).counts == [0, 0, 0, 0]
        client.ask_name()
    assert len(stub.queries) == 1


def test_two_questions_get_formerr(balancer, stub):
    daemon = balancer([stub.address])
    query = m.query()
    question = m.View(query).question
    head = struct.pack("!HHHHHH", 7, m.RD, 2, 0, 0, 0)
    with daemon.client() as client:
        client.send(head + question + question)
        assert client.receive()[3] & 15 == m.FORMERR
    assert not stub.queries


@pytest.mark.parametrize("opcode", [1, 2, 3, 6, 15])
def test_unknown_opcode_gets_notimp(balancer, stub, opcode):
    daemon = balancer([stub.address])
    reply = daemon.ask(m.query(opcode=opcode, edns=m.opt()))
    assert reply.rcode == m.NOTIMP
    assert reply.edns()
    assert daemon.counter("answered_notimp") == 1
    assert not stub.queries


def test_retransmission_is_merged_and_answered_once(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.address], workers=1, deadline_ms=20000, attempt_timeout_ms=4000)
    query = m.query()
    with daemon.client() as client:
        client.send(query)
        first = stub.wait_queries(1)[0]
        client.send(query)
        client.send(query)
        found = daemon.wait_counter("merged", 2)
        assert found["pending"] == 1
        stub.send(first, first.reply())
        check_answer(query, client.receive())
        stub.script = script.rcode(m.NOERROR)
        client.ask_name("after.example.test")
        assert client.is_quiet()
    assert len(stub.queries) == 2


def test_retransmission_brings_the_retry_forward(balancer, stubs):
    """The query may have been lost on its way; the only server there is is asked again."""
    stub = stubs(silent)
    daemon = balancer([stub.forced()], workers=1, deadline_ms=20000, attempt_timeout_ms=4000)
    query = m.query()
    with daemon.client() as client:
        client.send(query)
        first = stub.wait_queries(1)[0]

        def asked_again():
            client.send(query)
            return len(stub.queries) > 1

        until(asked_again, "the repetition", pause=0.1)
        second = stub.queries[1]
        assert second.data[2:] == first.data[2:]
        assert (second.data[:2], second.port) != (first.data[:2], first.port)
        assert 1.9 < second.when - first.when < 3.9, "not before half of its time, nor after it"
        assert daemon.counters()["pending"] == 1
        stub.send(second, second.reply())
        check_answer(query, client.receive())


def test_same_id_and_other_question_is_a_query_of_its_own(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.address], workers=1, deadline_ms=20000)
    with daemon.client() as client:
        client.send(m.query("one.example.test", qid=7))
        client.send(m.query("two.example.test", qid=7))
        for query in stub.wait_queries(2):
            stub.send(query, query.reply())
        names = {m.View(data).name for data in client.gather(2)}
    assert names == {"one.example.test.", "two.example.test."}
    assert daemon.counter("merged") == 0


def test_retransmission_after_the_answer_is_a_new_query(balancer, stub):
    daemon = balancer([stub.address])
    query = m.query()
    with daemon.client() as client:
        client.ask(query)
        client.ask(query)
    assert len(stub.queries) == 2
    assert daemon.counter("merged") == 0
