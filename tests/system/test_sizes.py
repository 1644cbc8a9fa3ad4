# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies too large for a client leave as TC=1 with header, question and OPT, never as cut bytes."""
import pytest
from harness import message as m
from harness import script

SERVER_OPT = m.opt(4242, options=m.option(65001, b"x" * 40))


def check_cut(reply, query, has_opt):
    assert reply.flags & m.TC
    assert reply.question == m.View(query).question
    assert reply.counts == [1, 0, 0, 1 if has_opt else 0]
    records = list(reply.records())
    end = reply.body + (11 if has_opt else 0)
    assert len(reply.data) == end, "bytes behind the last record"
    assert [record[0] for record in records] == ([m.OPT] if has_opt else [])


@pytest.mark.parametrize("length", [4097, 5000, 9000, 60000])
def test_reply_over_4096_bytes_is_cut_not_lost(balancer, stubs, length):  # 16
    stub = stubs(script.sized(length))
    daemon = balancer([stub.address])
    query = m.query()
    check_cut(daemon.ask(query), query, has_opt=False)
    assert daemon.counter("truncated") == 1


# client's EDNS size (None: no OPT), configured maximum, longest reply that passes
LIMITS = [
    (None, 1232, 512),
    (100, 1232, 512),
    (512, 1232, 512),
    (800, 1232, 800),
    (1232, 1232, 1232),
    (4096, 1232, 1232),
    (65535, 1232, 1232),
    (4096, 4096, 4096),
    (1400, 4096, 1400),
]


@pytest.mark.parametrize("size,maximum,limit", LIMITS)
def test_limit_is_what_client_and_configuration_allow(balancer, stubs, size, maximum, limit):
    opt = SERVER_OPT if size is not None else None
    stub = stubs(script.sized(limit, edns=opt))
    daemon = balancer([stub.address], udp_reply_max=maximum)
    query = m.query(edns=m.opt(size)) if size is not None else m.query()
    whole = daemon.ask(query)
    assert whole.data == m.sized_reply(query, limit, edns=opt)
    stub.script = script.sized(limit + 1, edns=opt)
    cut = daemon.ask(query)
    check_cut(cut, query, has_opt=opt is not None)
    assert daemon.counter("truncated") == 1


def test_cut_reply_keeps_the_servers_opt_without_its_options(balancer, stubs):
    opt = m.opt(4242, do=True, ext_rcode=1, options=m.option(65001, b"x" * 40))
    stub = stubs(script.sized(3000, edns=opt))
    daemon = balancer([stub.address])
    reply = daemon.ask(m.query(edns=m.opt(4096, do=True)))
    edns = reply.edns()
    assert (edns["size"], edns["do"], edns["ext_rcode"], edns["options"]) == (4242, True, 1, [])


def test_cut_reply_keeps_rcode_and_flags(balancer, stubs):
    def reply(q):
        data = bytearray(m.sized_reply(q.data, 2000))
        data[2] |= m.AA >> 8
        data[3] |= m.NXDOMAIN
        return bytes(data)

    daemon = balancer([stubs(reply).address])
    answer = daemon.ask(m.query())
    assert answer.rcode == m.NXDOMAIN
    assert answer.flags & m.TC and answer.flags & m.AA and answer.flags & m.RA


def test_reply_with_an_opt_nobody_asked_for_is_cut_without_it(balancer, stubs):
    daemon = balancer([stubs(script.sized(3000, edns=SERVER_OPT)).address])
    query = m.query()
    check_cut(daemon.ask(query), query, has_opt=False)


def test_truncated_reply_of_the_server_passes_as_it_is(balancer, stubs):
    stub = stubs(lambda q: q.reply(flags=m.QR | m.RA | m.RD | m.TC))
    daemon = balancer([stub.address])
    query = m.query()
    reply = daemon.ask(query)
    assert reply.data == m.reply(query, flags=m.QR | m.RA | m.RD | m.TC)
    assert daemon.counter("truncated") == 0


def test_many_records_with_pointers_pass_unchanged(balancer, stubs):
    answers = [m.A_RECORD] * 30
    stub = stubs(lambda q: q.reply(answers=answers))
    daemon = balancer([stub.address])
    query = m.query(edns=m.opt(1232))
    assert daemon.ask(query).data == m.reply(query, answers=answers)
