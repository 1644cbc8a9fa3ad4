# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness itself: a stub that does not lie as told, or a client that does not look, would make
every other test worthless. Needs no daemon."""
import io
import socket
import subprocess

import compare
import pytest
from harness import fault as f
from harness import message as m
from harness import neighbours, script, wait
from harness.client import Client, check_answer
from harness.daemon import Array, Log, config_text, imbalance, metric_kinds
from harness.netns import Namespace, cable
from harness.ports import free_port
from harness.real import Real, hosts
from harness.stub import Send, Stub, silent
from harness.wait import until

pytestmark = pytest.mark.harness


def to(stub):
    return Client(*stub.sock.getsockname()[:2])


def test_stub_answers_and_records(stub):
    with to(stub) as client:
        query = m.query("www.example.test", m.AAAA, qid=4711)
        assert client.ask(query).rcode == m.NOERROR
        port = client.sock.getsockname()[1]
    seen = stub.wait_queries(1)[0]
    assert (seen.data, seen.id, seen.port, seen.name) == (query, 4711, port, "www.example.test.")


def test_stub_counts_probes_apart(stub):
    with to(stub) as client:
        client.ask(m.query(".", m.NS))
        client.ask(m.query(".", m.NS, edns=m.opt()))
        client.ask(m.query(".", m.A))
    assert (len(stub.probes), len(stub.queries)) == (2, 1)


def test_stub_delays_without_holding_others_up(stubs):
    stub = stubs(lambda q: [Send(q.reply(), delay=0.3 if q.name.startswith("slow") else 0)])
    with to(stub) as client:
        client.send(m.query("slow.example.test"))
        client.send(m.query("fast.example.test"))
        names = [m.View(data).name for data in client.gather(2)]
    assert names == ["fast.example.test.", "slow.example.test."]


def test_stub_sends_from_another_socket(stubs):
    stub = stubs()
    other = stub.extra_socket("127.0.0.9")
    stub.script = lambda q: [Send(q.reply(), via=other)]
    with to(stub) as client:
        with pytest.raises(AssertionError, match="127.0.0.9"):
            client.ask(m.query())


def test_failed_script_fails_the_test():
    with pytest.raises(ZeroDivisionError):
        with Stub(lambda q: 1 / 0) as stub, to(stub) as client:
            client.send(m.query())
            stub.wait_queries(2)


def test_stub_runs_orders_in_its_thread(stub):
    got = []
    stub.call(lambda: got.append(1))
    with to(stub) as client:
        client.ask(m.query())
        client.ask(m.query())
    assert got == [1]


def test_stub_is_fast_enough(stub, tools):
    host, port = stub.sock.getsockname()
    done = tools.run("load", "-s", host, "-p", port, "-n", 10000, "-q", 100)
    assert (done["answered"], done["lost"], done["unexpected"]) == (10000, 0, 0)
    assert done["seconds"] < 5, done


LIES = [
    script.wrong_id,
    script.wrong_name,
    script.wrong_type,
    script.wrong_class,
    script.wrong_opcode,
    script.not_a_reply,
    script.upper_case,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_client_notices_a_wrong_answer(stubs, lie):
    with to(stubs(lie)) as client, pytest.raises(AssertionError):
        client.ask(m.query())


def test_client_notices_flags_that_are_not_its_own():
    query = m.query(flags=m.RD)
    with pytest.raises(AssertionError):
        check_answer(query, m.reply(query, flags=m.QR | m.CD))


def test_is_quiet(stub):
    with to(stub) as client:
        assert client.is_quiet()
        query = m.query()
        client.send(query)
        client.ask(query)
        until(lambda: not client.is_quiet(), "the second answer")
        assert client.is_quiet()


@pytest.mark.parametrize("length", [512, 513, 800, 1231, 1232, 1233, 1400, 4096, 4097, 9000])
@pytest.mark.parametrize("edns", [None, m.opt(4242, options=m.option(65001, b"x" * 40))])
def test_sized_replies_have_their_size_and_are_whole(length, edns):
    view = m.View(m.sized_reply(m.query(), length, edns=edns))
    assert len(view.data) == length
    assert sum(1 for _ in view.records()) == sum(view.counts[1:])


def test_padded_queries_have_their_size():
    for length in (100, 2000, 4096, 4097):
        assert len(m.padded_query(length)) == length


def test_edns_is_read_as_written():
    options = m.option(m.EDE, b"\0\x16why") + m.option(65001, b"")
    edns = m.View(m.query(edns=m.opt(1400, do=True, ext_rcode=1, version=2, options=options))).edns()
    assert (edns["size"], edns["do"], edns["ext_rcode"], edns["version"]) == (1400, True, 1, 2)
    assert edns["options"] == [(m.EDE, b"\0\x16why"), (65001, b"")]


def test_configuration_is_written_as_libconfig_reads_it():
    keys = {"a": [1, "x"], "b": Array(["y"]), "c": {"d": True, "e": 1.5}, "f": 'q"\\'}
    assert config_text(**keys) == 'a = (1, "x");\nb = ["y"];\nc = { d = true; e = 1.5; };\nf = "q\\"\\\\";\n'


def test_balance_is_read_from_the_table():
    values = dict.fromkeys(metric_kinds(), 0)
    even = {**values, "queries": 3, "answered_server": 1, "merged": 1}
    assert not imbalance({"counters": even, "pending": 1})
    odd = {**values, "queries": 3, "shed_queue": 1, "replies": 2}
    assert imbalance({"counters": odd, "pending": 1})
    with pytest.raises(AssertionError):
        imbalance({"counters": {"queries": 0}, "pending": 0})


def test_log_waits_for_all_words():
    log = Log(io.BytesIO(b"one two\nthree\n"))
    assert log.wait("two", "one") == "one two"
    log.join()
    with pytest.raises(AssertionError, match="three"):
        log.wait("one", "three")


def test_free_ports_are_free_and_different():
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", ports[0]))


def test_load_notices_wrong_answers_and_silence(stubs, tools):
    stub = stubs(lambda q: {"0": script.wrong_id, "1": script.wrong_name}.get(q.name[8], silent)(q))
    done = tools.run("load", "-p", stub.sock.getsockname()[1], "-n", 64, "-w", 300)
    assert (done["answered"], done["lost"]) == (0, 64)
    assert done["unexpected"] >= 4


def test_load_keeps_to_its_window_and_rate(stubs, tools):
    stub = stubs(silent)
    done = tools.run("load", "-p", stub.sock.getsockname()[1], "-n", 30, "-q", 10, "-w", 200)
    assert 0.6 <= done["seconds"] < 5
    stub = stubs()
    done = tools.run("load", "-p", stub.sock.getsockname()[1], "-n", 100, "-r", 200, "-b", 60)
    assert 0.45 <= done["seconds"] < 5
    assert {len(query.data) for query in stub.queries} == {60}


@pytest.fixture
def server(tools):
    made = f.Server(tools, other="127.0.0.9", delay_us=0)
    yield made
    made.close()


def test_backend_is_fast_and_load_tells_all(server, tools):
    argv = ["-p", server.port, "-n", 20000, "-r", 20000, "-c", 4, "-S", 500, "-t", 100]
    done = tools.run("load", *argv)
    assert (done["answered"], done["unexpected"], done["rcodes"]) == (20000, 0, {"0": 20000}), done
    assert server.count() == 20000
    assert sum(row[1] for row in done["series"]) == sum(row[2] for row in done["series"]) == 20000
    assert done["last_bad"] == 0


BROKEN = {  # order: (rcodes, lost, unexpected) of 200 queries
    "answer": ({"0": 200}, 0, 0),
    "rcode 5": ({"5": 200}, 0, 0),
    "wrong-id": ({}, 200, 200),
    "other-address": ({}, 200, 200),
    "garbage": ({}, 200, 200),
    "silent": ({}, 200, 0),
    "loss 100": ({}, 200, 0),
}


@pytest.mark.parametrize("order", BROKEN)
def test_backend_fails_on_order(server, tools, order):
    server.order(order)
    argv = ["-p", server.port, "-n", 200, "-w", 300, "-S", 1]
    done = tools.run("load", *argv)
    assert (done["rcodes"], done["lost"], done["unexpected"]) == BROKEN[order], done
    server.order("answer")
    assert tools.run("load", *argv)["rcodes"] == {"0": 200}


def test_backend_loses_a_share_and_never_knows_some_names(server, tools):
    server.order("loss 20")
    done = tools.run("load", "-p", server.port, "-n", 5000, "-w", 300)
    assert 800 < done["lost"] < 1200, done
    server.order("answer")
    done = tools.run("load", "-p", server.port, "-n", 50, "-w", 300, "-x")
    assert (done["lost"], server.count("unanswerable")) == (50, 50)


def test_backend_gets_slow_and_load_tells_the_affected(tools):
    server = f.Server(tools, delay_us=10000)
    try:
        argv = ["-p", server.port, "-n", 100, "-a", 100]
        done = tools.run("load", *argv)
        assert done["latency_us"]["min"] >= 10000 and done["affected"]["n"] == 0, done
        server.order("slow 10")
        done = tools.run("load", *argv)
        assert done["latency_us"]["min"] >= 100000 and done["affected"]["n"] == 100, done
    finally:
        server.close()


def test_backend_counts_probes_apart_and_starts_again(server):
    with Client(server.host, server.port) as client:
        assert client.ask(m.query(".", m.NS)).rcode == m.NOERROR
        assert client.ask_name("www.example.test").rcode == m.NOERROR
    assert (server.count("probes"), server.count()) == (1, 1)
    server.kill()
    server.start()
    with Client(server.host, server.port) as client:
        client.ask_name("www.example.test")
        server.pause()
        client.send(m.query())
        server.resume()
        client.receive()
    assert server.count() == 2


def test_load_ends_when_told_and_tells_when_it_was_bad(server, tools):
    load = f.Load(tools, server.port, 1000)
    until(lambda: server.count() > 100, "queries")
    server.order("rcode 2")
    seen = server.count()
    until(lambda: server.count() > seen + 100, "more queries")
    server.order("answer")
    seen = server.count()
    until(lambda: server.count() > seen + 100, "yet more queries")
    done = load.finish()
    assert done["sent"] == done["answered"] < 180000
    assert done["rcodes"]["2"] >= 100 and f.without_answer(done) == done["rcodes"]["2"]
    assert done["begin"] < done["first_bad"] < done["last_bad"]
    assert sum(row[3] for row in done["series"]) == done["rcodes"]["2"]


def test_watch_finds_when_a_rate_changed_for_good():
    watch = f.Watch(None)
    counts = [0, 10, 20, 20, 30, 30, 30, 30, 30, 40, 50, 60, 70]
    watch.samples = [(float(i), [n, 0]) for i, n in enumerate(counts)]
    assert watch.since(1.0, (0,), lambda rate: rate <= 1) == 3.0  # the pause at 2 was too short
    assert watch.since(8.0, (0,), lambda rate: rate >= 5) == 0.0
    assert watch.since(9.5, (0,), lambda rate: rate <= 1) is None


def test_forge_makes_each_kind(stub, tools):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.settimeout(5)
        query = m.query("victim.example.test", qid=99)
        fd = stub.sock.fileno()
        done = subprocess.run(
            [tools.path("forge"), "-f", str(fd), "-n", "5", "-r", "1000", "-k", "iqrpa"],
            input=f"{victim.getsockname()[1]} 99 {m.View(query).question.hex()}\n",
            text=True,
            pass_fds=[fd],
            check=True,
            capture_output=True,
        )
        assert done.stdout == '{"i": 1, "q": 1, "r": 1, "p": 1, "a": 1}\n'
        got = [victim.recvfrom(4096) for _ in range(5)]
    views = [m.View(data) for data, _ in got]
    true = stub.sock.getsockname()
    assert [view.id == 99 for view in views] == [False, True, True, True, True]
    same = [view.question == m.View(query).question for view in views]
    assert same == [True, False, True, True, True]
    assert [peer == true for _, peer in got] == [True, True, True, False, False]
    assert got[3][1][0] == true[0] and got[4][1][1] == true[1]


def test_namespaces_are_cabled():
    with Namespace() as left, Namespace() as right:
        cable(left, right)
        for host in ("192.0.2.2", "fd00::2", "fe80::b%vb"):
            with Stub(sockets=[right.udp_socket(host, 5301)]):
                sock = left.udp_socket("::" if ":" in host else "0.0.0.0")
                with Client(host.split("%")[0], 5301, sock=sock) as client:
                    if "%" in host:
                        client.target += (0, left.inside(lambda: socket.if_nametoindex("va")))
                    client.ask(m.query())


@pytest.mark.parametrize("kind", ["unbound", "knotd", "nsd"])
def test_real_servers_answer(kind, directory):
    server = Real(kind, directory)
    try:
        for host in hosts():
            with Client(host, server.port) as client:
                assert client.ask_name("www.example.test").counts[1] == 2
                assert client.ask_name("nowhere.example.test").rcode == m.NXDOMAIN
                assert client.ask_name("example.test", m.DNSKEY).counts[1] >= 1
    finally:
        server.close()


def test_comparison_counts_quiet_measurements_only(monkeypatch):
    """(outcome, part of the time spent waiting for a core, seconds the client was late)."""
    outcome = f.Outcome({"sent": 100, "rcodes": {"0": 98}}, 0.5, None, 0.25)
    row = compare.Row("killed", [outcome, None, outcome, None], f.all_faults()[0], f.ONE_OF_THREE)
    for rows, expected in (
        ([(outcome, 0.6, 0.1)], "2 (2 %)"),
        ([("loud", 0.61, 0.0), ("late", 0.1, 0.11), (outcome, 0.1, 0.0)], "2 (2 %)"),
        ([("loud", 0.61, 0.0)] * 3 + [(outcome, 0.1, 0.0)], "not quiet"),
    ):
        left = iter(rows)
        monkeypatch.setattr(compare, "measure", lambda: next(left))
        counted = compare.measure_quiet(3)
        assert compare.shown(compare.missing, counted, row) == expected
    text = compare.table([row], compare.left)
    assert text.splitlines()[-1] == "| killed | 0.5, never | not quiet | 0.5, never | not quiet |"
    text = compare.table([row._replace(case=f.CASES["all"])], compare.left)
    assert text.splitlines()[-1] == "| killed | -, 0.2 | not quiet | -, 0.2 | not quiet |"


def test_comparison_goes_on_where_it_was_ended(directory):
    path, outcome = directory / "kept", f.Outcome({"sent": 1, "rcodes": {}}, None, 1.5, 0.0)
    compare.Kept(path).put("killed", "dnsbal", outcome)
    compare.Kept(path).put("killed", "dnsdist", None)
    kept = compare.Kept(path)
    assert kept.get("killed", "dnsbal") == outcome
    assert kept.get("killed", "dnsdist") is None and kept.get("slow", "dnsbal") is None


def test_faults_of_the_cases_are_known():
    known = {fault.name for fault in f.all_faults()}
    for case in f.CASES.values():
        assert {*case.faults, *case.more} <= known and case.name in compare.CASES
        assert max(case.victims) < len(case.weights)


# ---- a machine that is not ours for a while


def test_stolen_time_is_the_share_of_all_cores(monkeypatch):
    cores, now = 2, [(100.0, 5.0), (110.0, 11.0)]
    monkeypatch.setattr(neighbours.Stolen, "_now", staticmethod(lambda: now.pop(0)))
    monkeypatch.setattr(neighbours.os, "cpu_count", lambda: cores)
    assert neighbours.Stolen().share() == pytest.approx(0.3)


def test_the_kernel_tells_stolen_time():
    assert 0 <= neighbours.probe() <= 1


def test_calm_is_waited_for_before_another_attempt(monkeypatch):
    probes, said = [0.5, 0.2, 0.05], ["bad", ""]
    monkeypatch.setattr(neighbours, "probe", lambda: probes.pop(0))
    wait.attempts(lambda: said.pop(0))
    assert (probes, said) == ([], [])


def test_an_attempt_that_stays_bad_fails(monkeypatch):
    waits = []
    monkeypatch.setattr(wait, "wait_until_calm", lambda: waits.append(1))
    with pytest.raises(AssertionError, match="bad\nbad"):
        wait.attempts(lambda: "bad", 2)
    assert len(waits) == 1
