# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of any kind and length from clients and servers: the daemon lives, counts, and answers on.

DNSBAL_SEED repeats a run."""
import os
import random
import struct

import pytest
from harness import message as m
from harness.wait import scaled, until

UDP_MAX = 65507
N = scaled(4000)


@pytest.fixture
def rng():
    seed = int(os.environ.get("DNSBAL_SEED", random.randrange(1 << 32)))
    print(f"DNSBAL_SEED={seed}")  # shown when a test fails
    return random.Random(seed)


def mutate(rng, data):
    """A few bytes changed, cut off, doubled or put in."""
    out = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(out) + 1)
        what = rng.randrange(5)
        if what == 0 and at < len(out):
            out[at] = rng.randrange(256)
        elif what == 1 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            del out[at:]
        elif what == 3:
            out[at:at] = rng.randbytes(rng.randrange(1, 20))
        else:
            out += out[at:]
        if not out:
            break
    return bytes(out[:UDP_MAX])


def any_length(rng):
    return rng.choice([rng.randrange(0, 64), rng.randrange(0, 600), rng.randrange(0, UDP_MAX + 1)])


def with_counts(rng, data):
    """The message with other numbers of records than it has."""
    counts = [rng.choice([0, 1, 2, 65535]) for _ in range(4)]
    return data[:4] + struct.pack("!HHHH", *counts) + data[12:]


def bad_query(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(any_length(rng))
    good = m.query(f"n{rng.randrange(1000)}.example.test", rng.randrange(65536), edns=m.opt(4096))
    if kind == 1:
        return good[:12] + rng.randbytes(any_length(rng) % 6000)
    if kind == 2:
        return with_counts(rng, good)
    return mutate(rng, good)


def check_alive(daemon):
    def is_answered():
        return daemon.ask(m.query("good.example.test", edns=m.opt())).rcode == m.NOERROR

    until(is_answered, "a good answer")  # at a deadline of 100 ms a busy machine may miss one
    assert daemon.process.poll() is None
    assert len([line for line in daemon.log.lines if "counters {" not in line]) < 100
    daemon.check_balance()


def test_bad_queries(balancer, stubs, rng):
    # What is forwarded may be anything: the server answers what it can.
    def script(q):
        try:
            return q.reply()
        except (IndexError, struct.error):
            return None

    stub = stubs(script)
    stub.is_probe = lambda data: False
    daemon = balancer([stub.forced()], deadline_ms=300)
    with daemon.client() as client:
        for n in range(N):
            try:
                client.send(bad_query(rng))
            except OSError:
                pass  # too long for the socket
            if n % 100 == 99:  # keep pace: what the kernel drops tests nothing
                client.sock.setblocking(False)
                while not client.is_quiet():
                    pass
                client.sock.setblocking(True)
                check_alive(daemon)
    found = daemon.wait_pending(0)
    assert found["counters"]["queries"] >= N * 0.9


def bad_reply(rng, query):
    kind = rng.randrange(5)
    if kind == 0:
        return rng.randbytes(any_length(rng))
    good = query.reply(edns=m.opt(1232, options=m.option(m.EDE, b"\0\6x")))
    if kind == 1:
        return good[:12] + rng.randbytes(any_length(rng) % 6000)
    if kind == 2:
        return with_counts(rng, good)
    if kind == 3:  # right as far as matching looks, garbage behind, large enough to be cut
        return m.reply(query.data, answers=(), edns=rng.randbytes(rng.randrange(1, 8000)))
    return mutate(rng, good)


@pytest.mark.parametrize("case_randomize", [False, True])
def test_bad_replies(balancer, stubs, rng, case_randomize):
    def script(q):
        if q.name.lower().startswith("good."):
            return q.reply()
        return bad_reply(rng, q)

    stub = stubs(script)
    daemon = balancer([stub.forced()], deadline_ms=100, case_randomize=case_randomize)
    with daemon.client() as client:
        for n in range(N // 2):
            edns = m.opt(rng.choice([512, 1232, 4096])) if n % 2 else None
            client.send(m.query(f"n{n}.example.test", qid=n, edns=edns))
            if n % 100 == 99:
                daemon.wait_pending(0)
                check_alive(daemon)
    answered = daemon.wait_pending(0)["counters"]
    assert answered["replies"] > 0 and answered["queries"] >= N // 2


def test_probe_answers_of_any_kind(balancer, stubs, rng):
    stub = stubs(probe=lambda q: bad_reply(rng, q))
    health = {"interval_ms": 100, "fast_interval_ms": 50, "timeout_ms": 100}
    daemon = balancer([stub.address], health=health)
    stub.wait_probes(30)
    check_alive(daemon)
