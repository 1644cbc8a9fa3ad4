# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs of the benchmarks (tests/bench): a client that does not look, servers that do not wait, or
a relay that mixes answers up would make every figure worthless. Needs no daemon."""
import pathlib
import struct
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest
from harness import message as m
from harness import script
from harness.ports import free_port
from harness.stub import Send, silent
from harness.wait import until

sys.path.append(str(pathlib.Path(__file__).parents[1] / "bench"))

import benchmarks  # noqa: E402
import measure  # noqa: E402
import plot  # noqa: E402
import results  # noqa: E402

pytestmark = pytest.mark.harness


def address_of(name):
    """As question.h derives it from a name in wire form."""
    h, mask = 0x9E3779B97F4A7C15 ^ len(name), (1 << 64) - 1
    for i in range(0, len(name), 8):
        word = int.from_bytes(name[i : i + 8].ljust(8, b"\0"), "little")
        h = (h ^ word) * 0xFF51AFD7ED558CCD & mask
        h ^= h >> 32
    return (h & 0xFFFFFFFF).to_bytes(4, "little")


def right(q, **kw):
    """The answer that the client expects."""
    record = struct.pack("!HHHIH", 0xC000 | 12, m.A, m.IN, 0, 4) + address_of(q.view.question[:-4])
    return q.reply(answers=(record,), **kw)


@pytest.fixture
def site(tools, tmp_path):
    """A function that starts servers, ended at the end."""
    made = []
    for name in ("servers", "client", "relay"):
        (tmp_path / name).symlink_to(tools.path(name))

    def start(**options):
        made.append(measure.Site(tmp_path, **options))
        return made[-1]

    yield start
    for one in made:
        one.__exit__()


def ask(tools, port, *argv, host="127.0.0.1"):
    return tools.run("client", "-s", host, "-p", port, *argv)


def outcome(done):
    return {key: done[key] for key in ("right", "lost", "late", "wrong", "again") if done[key]}


def test_right_answers_are_right(stubs, tools):
    port = stubs(right).sock.getsockname()[1]
    done = ask(tools, port, "-q", 10, "-n", 200)
    assert (done["sent"], outcome(done)) == (200, {"right": 200})
    assert outcome(ask(tools, port, "-q", 1, "-c", 1, "-n", 20)) == {"right": 20}


LIES = {
    "address": lambda q: q.reply(),
    "empty": lambda q: q.reply(answers=()),
    "id": lambda q: right(q, qid=(q.id + 1) & 0xFFFF),
    "name": script.wrong_name,
    "type": script.wrong_type,
    "class": script.wrong_class,
    "opcode": script.wrong_opcode,
    "query": script.not_a_reply,
    "short": script.cut_question,
}


@pytest.mark.parametrize("lie", LIES)
def test_client_notices_a_wrong_answer(stubs, tools, lie):
    done = ask(tools, stubs(LIES[lie]).sock.getsockname()[1], "-q", 10, "-n", 20, "-W", 100)
    assert (done["right"], done["sent"]) == (0, 20)
    assert done["wrong"] + done["late"] + done["again"] == 20, done
    assert done["wrong"] >= 10, done


def test_client_notices_an_answer_to_another_query(stubs, tools):
    kept = []

    def swapped(q):
        kept.append(q)
        if len(kept) % 2:
            return None
        one, two = kept[-2:]
        return [Send(right(one, qid=two.id)), Send(right(two, qid=one.id))]

    done = ask(tools, stubs(swapped).sock.getsockname()[1], "-q", 10, "-c", 1, "-n", 20, "-W", 100)
    assert outcome(done) == {"lost": 20, "wrong": 20}


def test_client_tells_rcodes_and_silence(stubs, tools):
    done = ask(tools, stubs(script.rcode(2)).sock.getsockname()[1], "-q", 10, "-n", 20)
    assert (done["rcodes"], outcome(done)) == ({"2": 20}, {})
    done = ask(tools, stubs(silent).sock.getsockname()[1], "-q", 10, "-n", 20, "-W", 50)
    assert outcome(done) == {"lost": 20}


def test_client_tells_second_and_late_answers(stubs, tools, site):
    stub = stubs(lambda q: [Send(right(q)), Send(right(q))])
    done = ask(tools, stub.sock.getsockname()[1], "-q", 1, "-c", 1, "-n", 20)
    assert done["right"] == 20 and done["again"] >= 19 and done["wrong"] == 0
    slow = site(delay_us=300000)
    done = ask(tools, slow.port, "-q", 10, "-n", 60, "-W", 100, host="127.10.0.1")
    assert done["right"] == 0 and done["lost"] == 60
    assert done["late"] >= 10 and done["wrong"] == 0


def test_client_keeps_its_rate_and_its_window(stubs, tools, site):
    done = ask(tools, site().port, "-r", 1000, "-w", 100, "-t", 1000, host="127.10.0.1")
    assert 900 <= done["sent"] <= 1100 and done["right"] == done["sent"], done
    stub = stubs(silent)
    done = ask(tools, stub.sock.getsockname()[1], "-q", 7, "-n", 14, "-c", 4, "-W", 200)
    assert done["seconds"] >= 0.4 and len(stub.queries) == 14


def test_client_counts_the_cpu_of_others(tools, site):
    servers = site()
    argv = ["-q", 50, "-w", 0, "-t", 300, "-P", servers.process.pid]
    done = ask(tools, servers.port, *argv, host="127.10.0.1")
    assert 0 < done["cpu_ns"] < 0.5e9 and done["runs"] > 0 and done["client_cpu_ns"] > 0


def test_servers_delay_and_lose(tools, site):
    slow = site(n=5, delay_us=50000)
    for host in slow.addresses:
        done = ask(tools, slow.port, "-q", 50, "-n", 200, host=host)
        assert outcome(done) == {"right": 200}
        assert done["latency_us"]["p50"] >= 50000
    assert slow.counts() == {"queries": 1000, "lost": 0, "answers": 1000, "full": 0}
    lossy = site(loss=20)
    done = ask(tools, lossy.port, "-q", 500, "-n", 5000, "-W", 200, host="127.10.0.3")
    assert 800 < done["lost"] < 1200 and done["right"] == 5000 - done["lost"]
    assert lossy.counts()["lost"] == done["lost"]


def test_servers_hold_many(tools, site):
    # at a rate that the socket buffers of an ordinary user can take
    slow = site(delay_us=2000000)
    done = ask(tools, slow.port, "-r", 10000, "-c", 8, "-n", 40000, "-W", 5000, host="127.10.0.2")
    assert outcome(done) == {"right": 40000}
    assert done["latency_us"]["p50"] >= 2000000


@pytest.mark.parametrize("shape", [[], ["-d"]], ids=["queue", "direct"])
@pytest.mark.parametrize("n", [1, 3, 40])
def test_relay_gives_each_its_answer(tools, site, shape, n):
    servers, port = site(n=n), free_port()
    argv = ["-l", port, "-p", servers.port, "-n", n, *shape]
    relay = tools.start("relay", *argv, stdin=subprocess.PIPE)
    try:
        assert relay.stdout.readline() == "ready\n"
        for load in (["-q", 200, "-n", 5000], ["-q", 1, "-c", 1, "-n", 50], ["-r", 2000, "-n", 500]):
            done = ask(tools, port, *load)
            assert outcome(done) == {"right": load[-1]}
        assert servers.counts()["queries"] == 5550
    finally:
        relay.communicate()


@pytest.mark.parametrize("shape", [[], ["-d"]], ids=["queue", "direct"])
def test_relay_holds_many(tools, site, shape):
    servers, port = site(delay_us=1000000), free_port()
    argv = ["-l", port, "-p", servers.port, *shape]
    relay = tools.start("relay", *argv, stdin=subprocess.PIPE)
    try:
        assert relay.stdout.readline() == "ready\n"
        done = ask(tools, port, "-r", 20000, "-n", 40000, "-W", 10000)
        assert outcome(done) == {"right": 40000}
    finally:
        relay.communicate()


def test_bursts_find_the_peer_stopped(tools, site):
    servers = site()
    argv = ["-b", 32, "-n", 320, "-P", servers.process.pid]
    done = ask(tools, servers.port, *argv, host="127.10.0.1")
    assert outcome(done) == {"right": 320}
    stat = pathlib.Path(f"/proc/{servers.process.pid}/stat")
    until(lambda: stat.read_text().rsplit(") ", 1)[1][0] in "SR", "the servers to run again")


def test_ratios_are_those_of_a_round():
    found = results.Results()
    for number, (a, b) in enumerate([(10, 20), (30, 20), (10, 40)]):
        found.add("x", "case", "a", number, cpu=a)
        found.add("x", "case", "b", number, cpu=b)
    found.add("x", "case", "a", 9, cpu=1000)  # b has no such round
    assert found.ratio("x", "cpu", ("case", "a"), ("case", "b")) == 0.5
    assert found.median("x", "case", "a", "cpu") == 20
    assert found.median("x", "case", "c", "cpu") is None


def test_figures_are_written_to_be_read(tmp_path):
    shown = [results.number(value) for value in (None, 0, 4.126, 41.26, 412.6, 41260, 0.0012)]
    assert shown == ["-", "0", "4.13", "41.3", "413", "41 260", "0.0012"]
    assert results.spread([1.0, 3.0, 2.0]) == "2.00 (1.00..3.00)"
    assert results.table(["a", "b"], [[1, 2]]) == "| a | b |\n|---|---|\n| 1 | 2 |\n"
    found = results.Results()
    found.add("x", "case", "a", 1, cpu=1.23456789)
    found.write_csv(tmp_path / "figures.csv")
    text = (tmp_path / "figures.csv").read_text().splitlines()
    assert text == ["benchmark,case,peer,round,metric,value", "x,case,a,1,cpu,1.23457"]


def test_plots_are_svg(tmp_path):
    plot.bars(tmp_path / "bars.svg", "a < b", "µs", {"one": [1.0, 2.0, 3.0], "none": []})
    series = {"a & b": [(2, 5.0), (512, 50.0)], "gap": [(2, None), (512, 1.0)]}
    plot.lines(tmp_path / "lines.svg", "title", "servers", "µs", series, log_x=True, log_y=True)
    for name, shape, n in (("bars", "rect", 2), ("lines", "circle", 3)):
        root = xml.parse(tmp_path / f"{name}.svg").getroot()
        assert len(root.findall(f"{{http://www.w3.org/2000/svg}}{shape}")) == n


def test_strace_is_read():
    text = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.001000           1      1000       100 recvmmsg
 40.00    0.000500           1       500           sendmmsg
------ ----------- ----------- --------- --------- ----------------
100.00    0.001500           1      1500       100 total
"""
    assert benchmarks.parse_strace(text) == {"recvmmsg": 1000, "sendmmsg": 500}
