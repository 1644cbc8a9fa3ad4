# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies, as clients and servers see them. Their arithmetic is unit-tested; here they run."""
import collections

import pytest
from harness import message as m
from harness.stub import silent
from harness.wait import until


def spread(daemon, made, n, name="n{}.example.test"):
    """Asks n queries one after the other; how many each stub got."""
    before = [len(stub.queries) for stub in made]
    with daemon.client() as client:
        for i in range(n):
            assert client.ask_name(name.format(i)).rcode == m.NOERROR
    return [len(stub.queries) - count for stub, count in zip(made, before)]


def test_round_robin_takes_turns(balancer, stubs):  # 58
    made = [stubs(), stubs()]
    daemon = balancer([s.forced() for s in made], policy="round-robin", workers=1)
    assert spread(daemon, made, 10) == [5, 5]


def test_round_robin_leaves_out_the_one_that_is_down(balancer, stubs):  # 58
    made = [stubs(), stubs()]
    rows = [made[0].forced(), made[1].row(state="down")]
    daemon = balancer(rows, policy="round-robin")
    assert spread(daemon, made, 10) == [10, 0]


def test_first_available_takes_the_first_then_the_next(balancer, stubs):  # 59
    made = [stubs(), stubs()]
    health = {"interval_ms": 200, "fast_interval_ms": 100, "timeout_ms": 200, "fall": 2}
    rows = [s.row(name=f"s{i}") for i, s in enumerate(made)]
    daemon = balancer(rows, policy="first-available", health=health)
    for i in range(2):
        daemon.wait_server(f"s{i}", "up")
    assert spread(daemon, made, 50) == [50, 0]
    made[0].probe_script = silent
    daemon.wait_server("s0", "down")
    assert spread(daemon, made, 50) == [0, 50]


@pytest.mark.parametrize("policy", ["p2c", "least-outstanding", "random", "hash"])
def test_every_server_gets_its_share(balancer, stubs, policy):
    made = [stubs() for _ in range(3)]
    daemon = balancer([s.forced() for s in made], policy=policy)
    n = 600
    counts = spread(daemon, made, n)
    # Five standard deviations of a fair draw around 200.
    assert all(140 < count < 260 for count in counts), counts
    assert [row["queries"] for row in daemon.counters()["servers"]] == counts


@pytest.mark.parametrize("policy", ["p2c", "random", "round-robin", "hash"])
def test_weights_are_kept(balancer, stubs, policy):
    made = [stubs(), stubs()]
    rows = [made[0].forced(weight=3), made[1].forced(weight=1)]
    daemon = balancer(rows, policy=policy, workers=1)
    counts = spread(daemon, made, 800)
    assert 530 < counts[0] < 670, counts


def test_hash_asks_one_server_for_one_name_in_any_case(balancer, stubs):
    made = [stubs() for _ in range(3)]
    daemon = balancer([s.forced() for s in made], policy="hash")
    for _ in range(5):
        for i in range(30):
            daemon.ask(m.query(f"n{i}.example.test"))
            daemon.ask(m.query(f"N{i}.EXAMPLE.test"))
    where = collections.defaultdict(set)
    for i, stub in enumerate(made):
        for query in stub.queries:
            where[query.name.lower()].add(i)
    assert len(where) == 30
    assert all(len(servers) == 1 for servers in where.values())
    assert all(stub.queries for stub in made)


def homes(daemon, made, n):
    """{name: number of the server that is asked for it}"""
    seen = [len(stub.queries) for stub in made]
    with daemon.client() as client:
        for i in range(n):
            assert client.ask_name(f"n{i}.example.test").rcode == m.NOERROR
    return {q.name: i for i, stub in enumerate(made) for q in stub.queries[seen[i] :]}


def test_hash_is_the_same_in_two_processes_and_moves_few_names(balancer, stubs):
    n, made = 800, [stubs() for _ in range(4)]
    rows = [stub.forced(name=f"s{i}") for i, stub in enumerate(made)]
    first = homes(balancer(rows, policy="hash"), made, n)
    # The order of the file is no part of it.
    assert homes(balancer(rows[::-1], policy="hash"), made, n) == first
    assert homes(balancer(rows, policy="hash", hash={"seed": "other"}), made, n) != first
    orphans = {name for name, i in first.items() if i == 3}
    for left in (rows[:3], [*rows[:3], made[3].row(name="s3", state="down")]):
        now = homes(balancer(left, policy="hash"), made, n)
        moved = {name for name in now if now[name] != first[name]}
        assert orphans <= moved
        # Two in a hundred of the others, and five standard deviations of that.
        assert len(moved - orphans) <= 0.02 * n + 5 * (0.02 * n) ** 0.5


def test_client_hash_asks_one_server_for_one_client(balancer, stubs):
    made = [stubs() for _ in range(3)]
    daemon = balancer([s.forced() for s in made], policy="client-hash")
    used = set()
    for last in range(1, 41):
        counts = None
        with daemon.client(source=(f"127.{last}.3.7", 0)) as client:
            before = [len(s.queries) for s in made]
            for i in range(5):
                client.ask_name(f"n{i}.example.test")
            counts = [len(s.queries) - b for s, b in zip(made, before)]
        assert sorted(counts) == [0, 0, 5], counts
        used.add(counts.index(5))
    assert used == {0, 1, 2}


def test_least_outstanding_avoids_the_slow_one(balancer, stubs):
    slow, fast = stubs(silent), stubs()
    daemon = balancer(
        [slow.forced(), fast.forced()], policy="least-outstanding", deadline_ms=20000, workers=1
    )
    with daemon.client() as client:
        for i in range(40):
            answered = len(fast.queries)
            client.send(m.query(f"n{i}.example.test"))
            until(lambda: len(slow.queries) + len(fast.queries) > i, "the query", pause=0.002)
            if len(fast.queries) > answered:
                client.receive()
        # The one that hangs at the silent server is outstanding from then on.
        assert len(slow.queries) <= 2
        for query in slow.queries:
            slow.send(query, query.reply())
        client.gather(len(slow.queries))


def test_full_server_is_passed_over(balancer, stubs):
    full, other = stubs(silent), stubs()
    rows = [full.forced(max_outstanding=1), other.forced()]
    daemon = balancer(rows, policy="first-available", deadline_ms=20000)
    with daemon.client() as client:
        client.send(m.query("held.example.test"))
        held = full.wait_queries(1)[0]
        assert spread(daemon, [full, other], 20) == [0, 20]
        full.send(held, held.reply())
        client.receive()


def test_server_counters_tell_what_happened(balancer, stubs):
    stub = stubs(lambda q: q.reply(m.SERVFAIL if q.name.startswith("s") else m.REFUSED, answers=()))
    daemon = balancer([stub.forced(name="only")], workers=1)
    for name in ("s1", "s2", "r1"):
        daemon.ask(m.query(f"{name}.example.test"))
    row = daemon.counters()["servers"][0]
    assert (row["name"], row["address"]) == ("only", stub.address)
    assert (row["queries"], row["replies"], row["servfail"], row["refused"]) == (3, 3, 2, 1)
    assert row["outstanding"] == 0 and row["latency_us"] > 0
