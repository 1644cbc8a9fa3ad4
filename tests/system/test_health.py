# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes: when they come, what they ask, what their answers do, and what the log says of it."""
import re
import statistics
import time

import pytest
from harness import message as m
from harness import script
from harness.stub import silent
from harness.wait import SANITIZER

FAST = {"interval_ms": 200, "fast_interval_ms": 100, "timeout_ms": 200, "fall": 3, "rise": 2}


def transitions(daemon, name):
    """The log's lines that say where a server went: ["up", "down", ...]"""
    out = []
    for line in daemon.log.find(name):
        if "counters {" in line:
            continue
        found = re.search(r"\b(up|down)\b", line.split(name, 1)[1])
        if found:
            out.append(found.group(1))
    return out


def test_first_probe_comes_at_once_then_every_interval(balancer, stub):  # 52
    started = time.monotonic()
    balancer([stub.address], health={"interval_ms": 400, "fast_interval_ms": 100})
    probes = stub.wait_probes(7)
    assert SANITIZER or probes[0].when - started < 1.5
    gaps = [b.when - a.when for a, b in zip(probes[1:], probes[2:])]
    if not SANITIZER:
        assert 0.35 <= statistics.median(gaps) <= 0.48, gaps
        assert min(gaps) > 0.3, gaps


def test_probes_of_two_servers_are_not_in_step(balancer, stubs):
    first, second = stubs(), stubs()
    balancer([first.address, second.address], health={"interval_ms": 200, "fast_interval_ms": 100})
    seen = [[p.when for p in s.wait_probes(12)[-10:]] for s in (first, second)]
    steps = [statistics.pstdev([b - a for a, b in zip(s, s[1:])]) for s in seen]
    assert max(steps) > 0.002, "no jitter"


def test_probe_asks_for_the_roots_name_servers(balancer, stub):  # 52
    balancer([stub.address], health=FAST)
    for probe in stub.wait_probes(3):
        view = probe.view
        assert (view.name, view.qtype, view.qclass) == (".", m.NS, m.IN)
        assert view.flags == m.RD and view.counts[:3] == [1, 0, 0]
    assert len({probe.id for probe in stub.probes}) > 1


def test_probe_asks_what_is_configured(balancer, stubs):
    stub = stubs()
    stub.is_probe = lambda data: m.View(data).name == "health.example.test."
    balancer([stub.address], health={**FAST, "qname": "health.example.test", "qtype": "SOA"})
    assert stub.wait_probes(2)[0].view.qtype == m.SOA


def test_probe_uses_the_sockets_of_the_traffic(balancer, stub):
    daemon = balancer([stub.address], workers=1, upstream_sockets=1, health=FAST)
    daemon.ask(m.query())
    probes = stub.wait_probes(3)
    assert {probe.port for probe in probes} == {stub.queries[0].port}


def test_probe_is_no_query_of_a_client(balancer, stub):
    daemon = balancer([stub.address], health=FAST)
    stub.wait_probes(3)
    found = daemon.counters()
    assert found["counters"]["queries"] == found["counters"]["attempts"] == 0
    assert found["servers"][0]["probes_good"] >= 2


@pytest.mark.parametrize("state", ["up", "down"])
def test_forced_server_is_not_probed(balancer, stubs, state):  # 53
    stub, other = stubs(), stubs()
    daemon = balancer([stub.row(state=state, name="forced"), other.address], health=FAST)
    other.wait_probes(8)
    assert not stub.probes
    assert daemon.counters()["servers"][0]["state"] == f"forced {state}"


def test_forced_up_gets_traffic_though_dead_and_forced_down_none(balancer, stubs):  # 53
    dead, off = stubs(silent), stubs()
    keys = {"deadline_ms": 200, "policy": "round-robin", "attempts": 1}
    daemon = balancer([dead.forced(), off.row(state="down")], **keys)
    for _ in range(3):
        assert daemon.ask(m.query()).rcode == m.SERVFAIL
    assert len(dead.queries) == 3 and not off.queries


def test_health_off_means_up_without_probes(balancer, stub):
    daemon = balancer([stub.row(name="srv-one")], health={"mode": "off"})
    for n in range(5):
        assert daemon.ask(m.query(f"n{n}.example.test")).rcode == m.NOERROR
    assert not stub.probes
    assert "up" in daemon.counters()["servers"][0]["state"]


def test_slow_probe_keeps_the_server_up(balancer, stubs):  # 55
    late_s = 1.5
    stub = stubs(probe=script.late(late_s, lambda q: q.reply(answers=())))
    health = {"interval_ms": 2000, "fast_interval_ms": 2000, "timeout_ms": 2000}
    daemon = balancer([stub.row(name="slow")], health=health)
    probes = stub.wait_probes(4)
    gaps = [b.when - a.when for a, b in zip(probes, probes[1:])]
    assert min(gaps) > late_s, "a probe before the last one's answer"
    row = daemon.wait_server("slow", "up")
    assert row["probes_failed"] == 0
    assert row["probe_us"] >= late_s * 1e6


def test_server_that_stops_answering_goes_down_and_comes_back(balancer, stubs):
    stub, other = stubs(), stubs()
    daemon = balancer(
        [stub.row(name="flaky"), other.row(name="steady")], policy="round-robin", health=FAST
    )
    daemon.wait_server("flaky", "up")
    daemon.wait_server("steady", "up")
    answer, stub.probe_script = stub.probe_script, silent
    row = daemon.wait_server("flaky", "down")
    assert row["probes_failed"] >= 3
    before = len(stub.queries)
    for n in range(10):
        daemon.ask(m.query(f"n{n}.example.test"))
    assert len(stub.queries) == before
    stub.probe_script = answer
    daemon.wait_server("flaky", "up")
    for n in range(10):
        daemon.ask(m.query(f"m{n}.example.test"))
    assert len(stub.queries) == before + 5
    said = transitions(daemon, "flaky")
    assert said.count("down") == 1 and said in (["down", "up"], ["up", "down", "up"]), said


def test_one_failed_probe_is_no_end(balancer, stubs):
    stub = stubs()
    daemon = balancer([stub.row(name="srv-one")], health={**FAST, "fall": 3})
    daemon.wait_server("srv-one", "up")
    left = [4]  # datagrams: a failed probe is repeated once, so two failures

    def sometimes(q):
        left[0] -= 1
        return None if left[0] >= 0 else q.reply(answers=())

    stub.probe_script = sometimes
    daemon.wait_for(lambda c: left[0] < -4, "probes after the failures")
    assert "down" not in transitions(daemon, "srv-one")
    assert daemon.wait_server("srv-one", "up")


@pytest.mark.parametrize("code,state", [(m.SERVFAIL, "down"), (m.NOTIMP, "down"), (m.NXDOMAIN, "up")])
def test_probes_rcode_decides(balancer, stubs, code, state):
    stub = stubs(probe=script.rcode(code))
    daemon = balancer([stub.row(name="srv-one")], health=FAST)
    daemon.wait_server("srv-one", state)


def test_first_probe_alone_decides(balancer, stubs):
    bad, good = stubs(probe=script.rcode(m.SERVFAIL)), stubs()
    slow = {"interval_ms": 60000, "fast_interval_ms": 60000}
    daemon = balancer([bad.row(name="bad"), good.row(name="good")], health=slow)
    daemon.wait_server("bad", "down")
    daemon.wait_server("good", "up")
    assert len(good.probes) == 1


def test_rejected_rcodes_are_configurable(balancer, stubs):
    stub = stubs(probe=script.rcode(m.SERVFAIL))
    daemon = balancer([stub.row(name="srv-one")], health={**FAST, "reject": ["REFUSED"]})
    daemon.wait_server("srv-one", "up")


def test_refused_root_probe_is_healthy_with_one_warning(balancer, stubs):
    made = [stubs(probe=script.rcode(m.REFUSED)) for _ in range(2)]
    daemon = balancer([s.row(name=f"s{i}") for i, s in enumerate(made)], health=FAST)
    for i, stub in enumerate(made):
        daemon.wait_server(f"s{i}", "up")
        stub.wait_probes(4)
    assert len(daemon.log.find("health.qname")) == 1


def test_refused_is_failure_with_a_qname_of_ones_own(balancer, stubs):
    stub = stubs()
    stub.is_probe = lambda data: m.View(data).name == "health.example.test."
    stub.probe_script = script.rcode(m.REFUSED)
    daemon = balancer([stub.row(name="srv-one")], health={**FAST, "qname": "health.example.test"})
    daemon.wait_server("srv-one", "down")


def test_no_server_up_fails_open(balancer, stubs):
    made = [stubs(probe=silent) for _ in range(2)]
    daemon = balancer([s.row(name=f"s{i}") for i, s in enumerate(made)], health=FAST)
    daemon.wait_server("s0", "down")
    daemon.wait_server("s1", "down")
    for n in range(20):
        assert daemon.ask(m.query(f"n{n}.example.test")).rcode == m.NOERROR


def test_dead_traffic_socket_is_replaced_and_the_server_stays_up(balancer, stubs):
    """What a lost NAT or conntrack entry does: one source port is dead, a fresh one works."""
    stub = stubs()
    daemon = balancer([stub.row(name="srv-one")], workers=1, upstream_sockets=1, health=FAST)
    daemon.wait_server("srv-one", "up")
    daemon.ask(m.query())
    dead = stub.queries[0].port
    answer_query, answer_probe = stub.script, stub.probe_script
    stub.script = lambda q: None if q.port == dead else answer_query(q)
    stub.probe_script = lambda q: None if q.port == dead else answer_probe(q)
    seen = len(stub.probes)
    daemon.wait_for(lambda c: len([p for p in stub.probes[seen:] if p.port != dead]) >= 3, "fresh probes")
    for n in range(10):
        assert daemon.ask(m.query(f"n{n}.example.test")).rcode == m.NOERROR
    assert dead not in {query.port for query in stub.queries[1:]}
    assert "down" not in transitions(daemon, "srv-one")
    assert daemon.wait_server("srv-one", "up")


def test_each_server_is_probed_as_its_own_health_says(balancer, stubs):
    first, second = stubs(), stubs(probe=script.rcode(m.REFUSED))
    first.is_probe = lambda data: m.View(data).name == "first.example.test."
    second.is_probe = lambda data: m.View(data).name == "second.example.test."
    own = {"qname": "second.example.test", "qtype": "SOA", "reject": [], "interval_ms": 1000}
    daemon = balancer(
        [first.row(name="first"), second.row(name="second", health=own)],
        health={**FAST, "qname": "first.example.test"},
        policy="round-robin",
    )
    probes = second.wait_probes(4)
    gaps = [b.when - a.when for a, b in zip(probes[1:], probes[2:])]
    assert {p.view.qtype for p in probes} == {m.SOA}
    assert {p.view.qtype for p in first.probes} == {m.NS}
    if not SANITIZER:
        assert min(gaps) > 0.8, gaps
        assert len(first.probes) >= 2 * len(probes)
    assert transitions(daemon, "second")[0] == "up"
    for n in range(6):
        assert daemon.ask(m.query(f"n{n}.example.test")).rcode == m.NOERROR
    assert len(first.queries) == len(second.queries) == 3
    assert [s["probes_failed"] for s in daemon.counters()["servers"]] == [0, 0]


def test_a_refusal_is_judged_by_the_servers_own_reject(balancer, stubs):
    strict, lenient = stubs(probe=script.rcode(m.REFUSED)), stubs(probe=script.rcode(m.REFUSED))
    for s in (strict, lenient):
        s.is_probe = lambda data: m.View(data).name == "health.example.test."
    daemon = balancer(
        [strict.row(name="strict"), lenient.row(name="lenient", health={"reject": ["SERVFAIL"]})],
        health={**FAST, "qname": "health.example.test"},
    )
    strict.wait_probes(4)
    lenient.wait_probes(4)
    assert transitions(daemon, "strict") == ["down"]
    assert transitions(daemon, "lenient") == ["up"]
