# SPDX-License-Identifier: GPL-3.0-or-later
"""Forged replies to the sockets towards a server: by one who guesses ID or question, and by one who
cannot send from the server's address. None is delivered, each that reaches a socket is counted."""
import pathlib
import subprocess

import pytest
from harness import message as m
from harness.stub import silent
from harness.wait import scaled

# The kernel counts what reaches no socket for all programs of the machine together.
pytestmark = pytest.mark.alone

N_BEFORE, N_AFTER = scaled(70000), scaled(30000)
RATE = scaled(15000)
TRUE_ANSWER, FORGED_ANSWER = bytes([192, 0, 2, 1]), bytes([203, 0, 113, 66])
COUNTED = ("replies_unmatched", "replies_wrong_question", "replies_wrong_peer")


def kernel_udp():
    """/proc/net/snmp's row on UDP."""
    rows = [line.split() for line in pathlib.Path("/proc/net/snmp").read_text().splitlines()]
    names, values = [row for row in rows if row[0] == "Udp:"]
    return {name: int(value) for name, value in zip(names[1:], values[1:])}


def counted(found):
    return sum(found["counters"][name] for name in COUNTED)


def start_forging(tools, stub, queries, n, kinds):
    """The forger, aiming at these queries' ports, IDs and questions."""
    fd = stub.sock.fileno()
    argv = ["-f", fd, "-n", n, "-r", RATE, "-k", kinds]
    process = tools.start("forge", *argv, stdin=subprocess.PIPE, pass_fds=[fd])
    for query in queries:
        process.stdin.write(f"{query.port} {query.id} {query.view.question.hex()}\n")
    process.stdin.close()
    process.stdin = None  # communicate() would flush it
    return process


class Flood:
    """The forger, and what the kernel turned away while it ran."""

    def __init__(self, tools, stub, queries, n, kinds):
        before = kernel_udp()
        process = start_forging(tools, stub, queries, n, kinds)
        self.sent = tools.finish(process, 120)
        after = kernel_udp()
        self.no_ports = after["NoPorts"] - before["NoPorts"]
        self.dropped = after["RcvbufErrors"] - before["RcvbufErrors"]
        self.arriving = sum(self.sent[kind] for kind in "iqr")
        self.turned_away = sum(self.sent[kind] for kind in "pa")

    def check_counted(self, daemon, before):
        """All that came from the server's address are counted; the others met no socket."""
        want = counted(before) + self.arriving
        found = daemon.wait_for(
            lambda c: counted(c) + self.dropped >= want, f"{want} counted, {self.dropped} dropped"
        )
        assert counted(found) <= want
        assert self.no_ports + self.dropped >= self.turned_away
        return found


def test_no_forged_reply_is_delivered(balancer, stubs, tools):
    stub = stubs(silent)
    # One attempt: a forger who tries wrong IDs by the thousand would meet that of another one, which
    # he is not told, in some runs of a hundred.
    daemon = balancer([stub.forced()], attempts=1, deadline_ms=60000, workers=2)
    names = [f"victim{n}.example.test" for n in range(20)]
    clients = [daemon.client() for _ in names]
    asked = [m.query(name) for name in names]
    for client, query in zip(clients, asked):
        client.send(query)
    queries = stub.wait_queries(len(names))
    start = daemon.counters()
    assert counted(start) == 0 and start["pending"] == len(names)

    flood = Flood(tools, stub, queries, N_BEFORE, "iqpa")
    found = flood.check_counted(daemon, start)
    assert found["counters"]["replies_wrong_question"] >= flood.sent["q"] - flood.dropped
    assert found["counters"]["answered_server"] == 0 and found["pending"] == len(names)
    assert all(client.is_quiet() for client in clients), "a forged reply was delivered"

    for query in queries:
        stub.send(query, query.reply())
    for client, query in zip(clients, asked):
        assert client.receive() == m.reply(query)
    found = daemon.wait_pending(0)
    assert found["counters"]["answered_server"] == len(names)

    Flood(tools, stub, queries, N_AFTER, "irpa").check_counted(daemon, found)
    assert all(client.is_quiet() for client in clients), "a forged reply was delivered"
    assert daemon.counter("answered_server") == len(names)
    assert len(daemon.log.lines) < 100, "the log was flooded"


def test_forgeries_do_not_stop_the_traffic(balancer, stub, tools):
    """Each forged reply ends nothing: queries go on being answered by the true server."""
    daemon = balancer([stub.forced()], workers=1)
    with daemon.client() as client:
        for n in range(8):
            client.ask_name(f"before{n}.example.test")
        queries = stub.wait_queries(8)
        process = start_forging(tools, stub, queries, scaled(20000), "iqra")
        asked = 0
        while process.poll() is None:
            reply = client.ask_name(f"n{asked}.example.test")
            answers = [rdata for rtype, _, _, rdata, _ in reply.records() if rtype == m.A]
            assert reply.rcode == m.NOERROR and answers == [TRUE_ANSWER] != [FORGED_ANSWER]
            asked += 1
        tools.finish(process, 120)
        assert asked > 10
