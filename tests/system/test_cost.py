# SPDX-License-Identifier: GPL-3.0-or-later
"""What `-t -v` says a configuration costs, held against what the running daemon takes."""
import os
import re
import signal
import socket

import pytest
from harness.daemon import PATIENT_QUEUE, Daemon, config_text, default_keys, run
from harness.ports import free_port
from harness.wait import PATIENCE, QUICK, SANITIZER, until

pytestmark = pytest.mark.skipif(SANITIZER, reason="a sanitizer has a heap of its own")

SIZE = r" +([0-9.]+) (kB|MB)"
COLUMNS = ("start", "full", "most")


def in_kb(number, unit):
    return round(float(number) * (1024 if unit == "MB" else 1))


class Cost:
    """The table as numbers: cost.rows["queue"]["most"] in kB, cost.threads, cost.files."""

    def __init__(self, *argv):
        done = run("-t", "-v", *argv)
        assert done.returncode == 0, done.stderr
        self.text, self.warned = done.stdout, done.stderr
        self.rows = {}
        for line in self.text.splitlines():
            row = re.match(r"  (\S.*?)" + 3 * SIZE + r"(?:  (.*))?$", line)
            if row:
                sizes = [in_kb(*row.groups()[i : i + 2]) for i in (1, 3, 5)]
                self.rows[row[1]] = dict(zip(COLUMNS, sizes))
        self.all = self.rows.pop("all")
        self.threads = self.number(r"^threads +(\d+):")
        self.files = self.number(r"^open files +(\d+),")
        self.files_most = self.number(r"^open files .*at most (\d+);")

    def number(self, pattern):
        return int(re.search(pattern, self.text, re.M)[1])


def told_and_started(directory, servers, receivers=1, addresses=1, **keys):
    """The cost of a configuration, and the daemon that runs it."""
    port = free_port()
    more = {"receivers": receivers} if receivers > 1 else {}  # an error with direct dispatch
    listen = [{"address": f"127.0.0.{i + 1}:{port}", **more} for i in range(addresses)]
    keys = default_keys({"listen": listen, "servers": servers, **keys})
    text = config_text(**keys)
    path = directory / "cost.conf"
    path.write_text(text)
    path.chmod(0o644)
    return Cost("-c", path), Daemon(directory, text, port=port)


def entries(daemon, what):
    """How many there are in one of its folders in /proc."""
    return len(os.listdir(f"/proc/{daemon.pid}/{what}"))


def silent_rows(n, **keys):
    """Forced up, so that no probe opens a socket of its own for a moment."""
    return [
        {"address": f"127.9.{i // 250}.{i % 250 + 1}:5398", "state": "up", **keys} for i in range(n)
    ]


CASES = {
    "three": (silent_rows(3), {}, 12),
    "two hundred": (silent_rows(200), {}, 40),
    "two hundred, all on": (
        silent_rows(200),
        {"workers": 4, "policy": "p2c", "latency": "on", "hedge": {"percent": 5}},
        40,
    ),
    "by hash": (silent_rows(5), {"workers": 8, "policy": "hash"}, 12),
    "round-robin, receivers": (
        [{**row, "weight": 1 + i % 7} for i, row in enumerate(silent_rows(30))],
        {"policy": "round-robin", "dispatch": "queue", "receivers": 3},
        12,
    ),
    "small": (
        silent_rows(1),
        {"workers": 1, "pending_max": 64, "queue": {"capacity": 64}, "upstream_sockets": 1},
        8,
    ),
    "direct": (silent_rows(3), {"dispatch": "direct", "workers": 2}, 12),
    "direct, one worker": (silent_rows(1), {"dispatch": "direct", "workers": 1}, 12),
    "direct, many": (
        silent_rows(20),
        {"dispatch": "direct", "workers": 8, "addresses": 3, "latency": "on"},
        40,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_start_is_as_told(directory, balancer, case):
    rows, keys, most_mb = CASES[case]
    cost, daemon = told_and_started(directory, rows, **keys)
    balancer.adopt(daemon)
    until(lambda: entries(daemon, "task") == cost.threads, f"{cost.threads} threads")
    # One more for a moment: that by which it said that it is ready.
    until(lambda: entries(daemon, "fd") == cost.files, f"{cost.files} open files")
    assert cost.files <= cost.files_most
    found, told = daemon.memory_kb("Rss"), cost.all["start"]
    assert abs(found - told) <= told // 4 + 2048, f"found {found} kB\n{cost.text}"
    assert found <= most_mb << 10, f"found {found} kB\n{cost.text}"
    for name, row in cost.rows.items():
        assert row["start"] <= row["full"] <= row["most"], name
    for column in COLUMNS:
        total = sum(row[column] for row in cost.rows.values())
        assert abs(total - cost.all[column]) <= len(cost.rows) * 64 + total // 50, cost.text


def test_full_is_as_told(directory, balancer, tools):
    """As many queries wait as may: what was told is not exceeded, and is not far above."""
    n = 32768 if QUICK else 65536
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))  # and never read: the cheapest silence
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        row = {"address": address, "state": "up", "max_outstanding": 200000}
        cost, daemon = told_and_started(
            directory,
            [row],
            pending_max=n,
            deadline_ms=30000,
            attempt_timeout_ms=30000,
            queue={**PATIENT_QUEUE, "capacity": 8192},
            on_overload="refused",
        )
        balancer.adopt(daemon)
        load = tools.start(
            "load", "-p", daemon.port, "-n", n, "-q", 65536, "-r", 16000, "-b", 60, "-c", 4, "-w", 60000
        )
        # Places are handed out in blocks: a few at the end find none.
        daemon.wait_for(
            lambda c: c["pending"] + c["counters"]["shed_limit"] == n and c["pending"] >= n - 1024,
            f"{n} pending",
            timeout=PATIENCE * 2,
        )
        found = daemon.memory_kb("Rss")
        daemon.signal(signal.SIGTERM)
        daemon.log.wait("draining")
        daemon.signal(signal.SIGTERM)
        tools.finish(load, PATIENCE * 4)
        daemon.wait_exit()
    assert found <= cost.all["full"], f"found {found} kB\n{cost.text}"
    # A queue that waits its turn, and answered queries whose attempts are not over, are not there.
    idle = cost.rows["queue"]["full"] + cost.rows["stacks"]["full"]
    assert cost.all["full"] - idle <= found * 2, f"found {found} kB\n{cost.text}"


def test_the_limits_follow_their_keys(directory):
    def cost(**keys):
        keys = default_keys({"listen": ["127.0.0.1:5399"], "servers": ["127.0.0.1:5398"], **keys})
        path = directory / "cost.conf"
        path.write_text(config_text(**{"workers": 2, **keys}))
        path.chmod(0o644)
        return Cost("-c", path)

    plain, queue = cost(), cost(queue={"capacity": 81920})
    assert queue.rows["queue"]["full"] > 8 * plain.rows["queue"]["full"]
    pending = cost(pending_max=1310720)
    assert pending.rows["workers: queries"]["full"] > 5 * plain.rows["workers: queries"]["full"]
    assert cost(policy="hash").rows["policy tables"]["start"] >= 128
    assert plain.rows["latency histograms"]["most"] == 0
    assert cost(latency="on").rows["latency histograms"]["most"] > 0
    assert cost(upstream_sockets=4).files == cost(upstream_sockets=8).files - 8


def test_with_direct_dispatch_workers_read(directory):
    """No thread but theirs; a socket of every address for each, instead of one and what a receiver opens."""

    def cost(dispatch):
        listen = [f"127.0.0.{i}:5399" for i in (1, 2)]
        keys = {"listen": listen, "servers": ["127.0.0.1:5398"], "workers": 4, "dispatch": dispatch}
        path = directory / "cost.conf"
        path.write_text(config_text(**default_keys(keys)))
        path.chmod(0o644)
        return Cost("-c", path)

    queue, direct = cost("queue"), cost("direct")
    assert "1 receiver, 4 workers" in queue.text and "receiver" not in direct.text
    assert direct.threads == queue.threads - 1
    assert direct.files == queue.files + 2 * (4 - 1) - 2
    buffers = [c.rows["clients: buffers"]["start"] for c in (queue, direct)]
    assert 3 * buffers[0] < buffers[1] < 5 * buffers[0]
    full = [c.rows["queue"]["full"] for c in (queue, direct)]
    assert full[0] < full[1] < full[0] * 3 // 2


def test_servers_on_the_command_line_have_a_cost_too():
    cost = Cost("192.0.2.1", "192.0.2.2")
    assert cost.all["start"] > 0 and cost.threads >= 4


def test_without_v_the_cost_is_not_told():
    done = run("-t", "192.0.2.1")
    assert done.returncode == 0 and done.stdout == "command line: good: 1 server\n"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two workers by default")
def test_too_many_sockets_on_this_host_are_found_by_the_cost(directory):
    path = directory / "cost.conf"
    keys = {"servers": silent_rows(20), "workers": 0, "upstream_sockets": 1000}  # just enough for one
    path.write_text(config_text(**default_keys(keys)))
    path.chmod(0o644)
    assert run("-t", "-c", path).returncode == 0
    done = run("-t", "-v", "-c", path)
    assert done.returncode == 1
    assert "more than 20000 sockets" in done.stderr and not done.stdout
