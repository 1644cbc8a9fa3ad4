# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals, the end, and the demonstration."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest
from harness import message as m
from harness import script
from harness.daemon import BINARY, DISPATCH, Daemon, start
from harness.ports import free_port
from harness.stub import silent
from harness.wait import SANITIZER


def test_sigterm_loses_nothing_in_flight(balancer, stubs):
    stub = stubs(script.late(1.0))
    daemon = balancer([stub.forced()], deadline_ms=20000)
    clients = [daemon.client() for _ in range(10)]
    queries = [m.query(f"n{n}.example.test", qid=n) for n in range(100)]
    for n, query in enumerate(queries):
        clients[n % 10].send(query)
    stub.wait_queries(100)
    daemon.signal(signal.SIGTERM)
    answers = [data for client in clients for data in client.gather(10)]
    assert sorted(m.View(data).id for data in answers) == list(range(100))
    assert {m.View(data).rcode for data in answers} == {m.NOERROR}
    last = daemon.wait_exit()
    assert last["pending"] == 0 and last["counters"]["answered_server"] == 100


def test_sigterm_answers_what_waits_in_the_socket(balancer, stubs):
    stub = stubs(script.late(0.3))
    daemon = balancer([stub.forced()])
    with daemon.client() as client:
        for n in range(50):
            client.send(m.query(f"n{n}.example.test", qid=n))
        daemon.signal(signal.SIGTERM)
        assert len(client.gather(50)) == 50
        daemon.wait_exit()


def test_sigterm_waits_no_longer_than_the_deadline(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.forced()], deadline_ms=2000)
    with daemon.client() as client:
        client.send(m.query())
        stub.wait_queries(1)
        start = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert m.View(client.receive()).rcode == m.SERVFAIL
        daemon.wait_exit()
        assert SANITIZER or time.monotonic() - start < 5


def test_idle_daemon_ends_at_once(balancer, stub):
    daemon = balancer([stub.address], deadline_ms=20000)
    start = time.monotonic()
    daemon.stop()
    assert SANITIZER or time.monotonic() - start < 2


def test_second_sigterm_hurries(balancer, stubs):
    stub = stubs(silent)
    daemon = balancer([stub.forced()], deadline_ms=30000)
    with daemon.client() as client:
        client.send(m.query())
        stub.wait_queries(1)
        start = time.monotonic()
        # Two pending signals of one number are one, so ask until it is gone.
        while daemon.process.poll() is None:
            daemon.signal(signal.SIGTERM)
            try:
                daemon.process.wait(0.2)
            except subprocess.TimeoutExpired:
                assert time.monotonic() - start < 15, "it does not hurry"
    daemon.wait_exit()


def test_sigint_ends_it_too(balancer, stub):
    daemon = balancer([stub.address])
    daemon.ask(m.query())
    daemon.signal(signal.SIGINT)
    daemon.wait_exit()


def test_sighup_is_answered_in_the_log_and_carried_on_from(balancer, stub):
    daemon = balancer([stub.address])
    daemon.signal(signal.SIGHUP)
    daemon.log.wait("reload is not supported yet")
    assert daemon.ask(m.query()).rcode == m.NOERROR


def test_sigusr1_writes_all_counters(balancer, stubs):
    made = [stubs(), stubs()]
    daemon = balancer([s.forced(name=f"s{i}") for i, s in enumerate(made)], policy="round-robin")
    for n in range(10):
        daemon.ask(m.query(f"n{n}.example.test"))
    found = daemon.check_balance()
    assert found["counters"]["queries"] == found["counters"]["answered_server"] == 10
    assert [row["name"] for row in found["servers"]] == ["s0", "s1"]
    assert sum(row["queries"] for row in found["servers"]) == 10
    assert set(found["servers"][0]) >= {
        "name", "address", "state", "changes", "outstanding", "queries", "replies", "timeouts", "errors",
        "servfail", "refused", "probes_good", "probes_failed", "probe_us", "latency_us",
    }  # fmt: skip


def test_counters_are_written_at_the_end(balancer, stub):
    daemon = balancer([stub.address])
    for n in range(7):
        daemon.ask(m.query(f"n{n}.example.test"))
    last = daemon.stop()
    assert last["counters"]["queries"] == 7 and last["pending"] == 0


def test_json_log_is_json(balancer, stub):
    daemon = balancer(
        [stub.row(name="srv-one")], log={"format": "json", "level": "debug"}, policy="hash", latency="on"
    )
    daemon.log.wait("srv-one")
    daemon.log.wait("warning", 'latency: \\"on\\" has no effect')  # of the configuration itself
    daemon.signal(signal.SIGUSR1)
    daemon.log.wait('"queries"')
    for line in list(daemon.log.lines):
        assert isinstance(json.loads(line), dict), line
    # The balance is read from text lines; this one ends here.
    daemon.signal(signal.SIGTERM)
    daemon.wait_exit(counters=False)


def test_text_from_the_wire_cannot_forge_a_log_line(balancer, directory, stub):
    port = free_port()
    argv = ["-v", "-l", f"127.0.0.1:{port}", stub.address]
    daemon = Daemon(directory, argv=argv, port=port)
    balancer.adopt(daemon)
    label = b"evil\ncounters {1}\x1b[2J\r\0\x7f\xff%s"
    query = m.query("x.example.test", qid=7).replace(b"\1x", bytes([len(label)]) + label)
    with daemon.client() as client:
        client.send(query)
        client.receive()
    shown = r"evil\010counters\032{1}\027[2J\013\000\127\255%s.example.test"
    assert daemon.log.wait(shown, "asks") and daemon.log.wait(shown, "asked")
    daemon.counters()
    raw = [line for line in daemon.log.lines if not line.isascii() or not line.isprintable()]
    assert not raw
    assert not any(line.startswith("counters {") for line in daemon.log.lines)


def test_threads_have_names_and_signals_go_to_main(balancer, stub):
    daemon = balancer([stub.address], workers=2)
    names = [p.read_text().strip() for p in pathlib.Path(f"/proc/{daemon.pid}/task").glob("*/comm")]
    readers = {"receiver-0"} if DISPATCH != "direct" else set()
    assert {"dnsbal", "worker-0", "worker-1", "prober", "log"} | readers <= set(names), names
    assert SANITIZER or len(set(names)) == len(names), names  # a sanitizer has threads of its own


def test_log_that_nobody_reads_holds_up_neither_queries_nor_the_end(directory, stub):
    pipe = directory / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    write_there = ("sh", "-c", 'exec "$@" 2>"$0"', pipe)
    daemon = start(directory, [stub.address], prefix=write_there, acl=["127.0.0.1/32"], health={"mode": "off"})
    try:
        with pytest.raises(BlockingIOError):
            while True:
                os.write(reader, b"-" * 4096)
        with daemon.client() as client, daemon.client(source=("127.0.0.2", 0)) as stranger:
            stranger.send(m.query())  # it is told of
            for _ in range(20):
                client.ask_name()
        daemon.signal(signal.SIGTERM)
        daemon.wait_exit(counters=False)
    finally:
        daemon.process.kill()
        os.close(reader)


def test_demo_answers_any_name(balancer, directory):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", 5300))
        except OSError:
            pytest.skip("port 5300 is taken")
    daemon = Daemon(directory, argv=["--demo"], port=5300)
    balancer.adopt(daemon)
    assert "dig" in daemon.log.wait("dig")
    dig = ["dig", "@127.0.0.1", "-p", "5300", "+tries=1", "+time=5", "+short"]
    spoke = set()
    for n in range(60):
        assert daemon.ask(m.query(f"n{n}.example.test")).rcode == m.NOERROR
        reply = daemon.ask(m.query(f"n{n}.example.test", m.TXT))
        spoke |= {rdata for rtype, _, _, rdata, _ in reply.records() if rtype == m.TXT}
    assert len(spoke) == 3, "three servers, each says which it is"
    for qtype, shape in (("A", r"\d+\.\d+\.\d+\.\d+"), ("AAAA", r"[0-9a-f:]+"), ("TXT", '".+"')):
        shown = subprocess.check_output([*dig, "any.example.test", qtype], text=True)
        assert re.fullmatch(shape, shown.strip()), shown
    nslookup = ["nslookup", "-port=5300", "any.example.test", "127.0.0.1"]
    assert "any.example.test" in subprocess.check_output(nslookup, text=True)


def test_binary_depends_on_nothing_in_its_directory(directory):
    assert pathlib.Path(BINARY).is_file()
    done = subprocess.run([BINARY, "-V"], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
