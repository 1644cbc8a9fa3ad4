# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clients and real servers: what comes through is what the server says to one who asks it
directly."""
import re
import subprocess

import dns.message
import pytest
from harness import daemon as daemon_module
from harness import message as m
from harness.client import Client
from harness.daemon import work_directory
from harness.ports import has_ipv6
from harness.real import Real
from harness.zone import ORIGIN

KINDS = ["unbound", "knotd", "nsd"]
APEX = {"interval_ms": 1000, "qname": ORIGIN, "qtype": "SOA"}


@pytest.fixture(scope="module")
def real():
    """A function that starts a real server, once per kind and module."""
    directory, made = work_directory(), {}

    def get(kind):
        if kind not in made:
            made[kind] = Real(kind, directory)
        return made[kind]

    yield get
    for server in made.values():
        server.close()


@pytest.fixture(scope="module")
def through(real):
    """A function that gives a daemon in front of one real server: kind and address family."""
    made = {}

    def get(kind, host):
        if (kind, host) not in made:
            directory = work_directory()
            made[kind, host] = daemon_module.start(
                directory, [real(kind).row(host)], host=host, health=APEX
            )
            made[kind, host].wait_server(kind, "up")
        return made[kind, host]

    yield get
    for daemon in made.values():
        daemon.check_balance()
        daemon.stop()


BOTH = [(kind, host) for kind in KINDS for host in ("127.0.0.1", "::1")]


@pytest.fixture(params=BOTH, ids="{0[0]}-{0[1]}".format)
def both(request, real, through):
    """(real server, daemon in front of it, host), for each server over each family."""
    kind, host = request.param
    if ":" in host and not has_ipv6():
        pytest.skip("no IPv6 on this host")
    return real(kind), through(kind, host), host


def normal(data):
    """A message without what may differ between two askings: ID, order, TTL."""
    message = dns.message.from_wire(data)
    sections = [
        sorted((str(rr.name).lower(), rr.rdclass, rr.rdtype, sorted(map(str, rr))) for rr in section)
        for section in (message.answer, message.authority, message.additional)
    ]
    question = [(str(q.name), q.rdclass, q.rdtype) for q in message.question]
    opt = (message.edns, message.ednsflags, message.payload, [o.to_wire() for o in message.options])
    return message.flags, message.rcode(), question, sections, opt


def ask_both(both, query):
    """(direct, through), both checked for ID and question."""
    server, daemon, host = both
    with Client(host, server.port) as client:
        direct = client.ask(query)
    return direct, daemon.ask(query)


QUESTIONS = [
    ("www.example.test", m.A, m.NOERROR),
    ("www.example.test", m.AAAA, m.NOERROR),
    ("WwW.eXaMpLe.TeSt", m.A, m.NOERROR),
    ("example.test", m.MX, m.NOERROR),
    ("example.test", m.TXT, m.NOERROR),
    ("example.test", m.SOA, m.NOERROR),
    ("example.test", m.NS, m.NOERROR),
    ("example.test", m.DNSKEY, m.NOERROR),
    ("_sip._tcp.example.test", 33, m.NOERROR),
    ("a.very.deep.name.below.example.test", m.A, m.NOERROR),
    ("www.example.test", m.TXT, m.NOERROR),  # no data
    ("www.example.test", 65280, m.NOERROR),
    ("nowhere.example.test", m.A, m.NXDOMAIN),
    ("www.example.test", m.ANY, m.NOERROR),
]
EDNS = {"plain": None, "EDNS": m.opt(1232), "DO": m.opt(1232, do=True), "EDNS 512": m.opt(512)}


@pytest.mark.parametrize("edns", EDNS)
def test_answers_are_those_of_the_server(both, edns):
    for name, qtype, rcode in QUESTIONS:
        query = m.query(name, qtype, edns=EDNS[edns])
        direct, through = ask_both(both, query)
        assert direct.rcode == rcode, (name, qtype)
        if direct.data != through.data:
            assert normal(direct.data) == normal(through.data), (name, qtype)


def test_large_answer_is_cut_to_what_the_client_takes(both):
    for size in (1232, 4096):
        query = m.query("large.example.test", m.TXT, edns=m.opt(size))
        direct, through = ask_both(both, query)
        assert bool(direct.flags & m.TC) == (size == 1232)
        assert through.flags & m.TC
        assert len(through.data) <= 1232
        if size == 4096:
            assert through.counts == [1, 0, 0, 1] and len(direct.data) > 1232


def test_answer_between_512_and_1232_bytes(both):
    query = m.query("medium.example.test", m.A, edns=m.opt(1232))
    direct, through = ask_both(both, query)
    assert 512 < len(direct.data) <= 1232 and not through.flags & m.TC
    assert normal(direct.data) == normal(through.data)
    plain = ask_both(both, m.query("medium.example.test", m.A))
    assert all(view.flags & m.TC for view in plain)


def output(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def answer_lines(text):
    """The records of dig's or kdig's output, without their TTL, sorted."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith(";")]
    return sorted([row[0], *row[2:]] for row in rows)


def status(text):
    return re.search(r"status: (\w+)", text).group(1)


TOOL_QUESTIONS = [
    ("www.example.test", "A"),
    ("www.example.test", "AAAA"),
    ("alias.example.test", "A"),
    ("example.test", "MX"),
    ("example.test", "DNSKEY"),
    ("nowhere.example.test", "A"),
    ("www.example.test", "TXT"),
]


@pytest.mark.parametrize("tool", ["dig", "kdig"])
def test_dig_and_kdig_show_the_same(both, tool):
    server, daemon, host = both
    for i, (name, qtype) in enumerate(TOOL_QUESTIONS):
        how = ["+notcp", "+ignore", *[[], ["+dnssec"], ["+noedns"]][i % 3]]
        shown = [
            output(tool, f"@{host}", "-p", str(port), name, qtype, *how)
            for port in (server.port, daemon.port)
        ]
        assert status(shown[0]) == status(shown[1])
        assert answer_lines(shown[0]) == answer_lines(shown[1])


def test_nslookup_shows_the_same(both):
    server, daemon, host = both
    shown = []
    for port in (server.port, daemon.port):
        text = output("nslookup", f"-port={port}", "www.example.test", host)
        # Which server was asked, and on which port, is the one difference.
        lines = [line for line in text.splitlines() if not line.startswith(("Server", "Address:\t"))]
        shown.append(sorted(lines))
    assert any("192.0.2.80" in line for line in shown[0])
    assert shown[0] == shown[1]


@pytest.mark.parametrize("kind", ["knotd", "nsd"])
def test_default_probe_takes_refused_as_healthy_with_one_warning(balancer, real, kind):
    daemon = balancer([real(kind).row()], health={"interval_ms": 200, "fast_interval_ms": 100})
    row = daemon.wait_for(lambda c: c["servers"][0]["probes_good"] >= 4, "probes")["servers"][0]
    assert (row["state"], row["probes_failed"]) == ("up", 0)
    assert len(daemon.log.find("health.qname")) == 1


def test_real_server_that_is_restarted_comes_back(balancer, real, directory):
    """While it is gone, the other one answers."""
    health = {**APEX, "interval_ms": 200, "fast_interval_ms": 100, "timeout_ms": 200, "fall": 2}
    victim = Real("nsd", directory)
    try:
        rows = [victim.row(), real("knotd").row()]
        daemon = balancer(rows, policy="first-available", health=health)
        daemon.wait_server("nsd", "up")
        daemon.wait_server("knotd", "up")
        victim.close()
        daemon.wait_server("nsd", "down")
        for _ in range(20):
            assert daemon.ask(m.query("www.example.test")).rcode == m.NOERROR
        before = daemon.wait_server("nsd", "down")["queries"]
        victim = Real("nsd", directory, port=victim.port)
        daemon.wait_server("nsd", "up")
        assert daemon.ask(m.query("www.example.test")).rcode == m.NOERROR
        assert daemon.wait_server("nsd", "up")["queries"] == before + 1
    finally:
        victim.close()
