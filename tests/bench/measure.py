# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of a measurement, its load, and what both cost: servers on 127.10.0.1..., a client, the
scheduler's accounting, memory."""
import json
import os
import pathlib
import resource
import select
import socket
import subprocess
import time

from harness import message as m
from harness.ports import free_port
from harness.wait import PATIENCE

TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A measurement that says nothing: a program did not start, or a wrong answer came."""


class Impossible(Exception):
    """What this machine does not let us measure."""


class Site:
    """Servers that answer any name, all in one process: 127.10.0.1, 127.10.0.2 ..., one port."""

    def __init__(self, programs, n=3, delay_us=0, loss=0):
        self.n, self.port = n, free_port()
        self.addresses = [f"127.10.{(i + 1) >> 8}.{(i + 1) & 255}" for i in range(n)]
        argv = ["-n", n, "-p", self.port, "-d", delay_us, "-l", loss]
        self.process = subprocess.Popen(
            [programs / "servers", *map(str, argv)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if not self.process.stdout.readline():
            raise Failed(f"servers: exit {self.process.wait()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()

    @property
    def endpoints(self):
        return [f"{address}:{self.port}" for address in self.addresses]

    def counts(self):
        """{"queries", "lost", "answers", "full"} so far."""
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def settle(self, quiet_s=1.5):
        """Until nobody has asked for so long."""
        end, before = time.monotonic() + PATIENCE, None
        while self.counts() != before:
            if time.monotonic() > end:
                raise Failed("somebody does not stop asking")
            before = self.counts()
            time.sleep(quiet_s)


def wait_for_answer(port, process, what):
    """Until somebody answers there, as the servers would."""
    end = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        while time.monotonic() < end:
            if process and process.poll() is not None:
                raise Failed(f"{what}: exit {process.returncode}")
            query = m.query("ready.bench.example.com")
            try:
                sock.send(query)
                readable, _, _ = select.select([sock], [], [], 0.1)
                view = m.View(sock.recv(4096)) if readable else None
            except OSError:  # nobody there yet
                time.sleep(0.02)
                continue
            if view and view.rcode == m.NOERROR and view.counts[1] == 1:
                return
            time.sleep(0.02)
    raise Failed(f"{what} does not answer")


def is_traced(pid):
    """Every thread of it: a tracer says that it is attached before it has them all."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/status")
    return not any("TracerPid:\t0\n" in task.read_text() for task in tasks)


def tree(pid):
    """A process and all it started."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def run_ns(pids):
    """What the scheduler accounted to all their threads."""
    total = 0
    for pid in pids:
        for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            total += int(file.read_text().split()[0])
    return total


def memory_kb(pids, key="VmRSS"):
    text = "".join(pathlib.Path(f"/proc/{pid}/status").read_text() for pid in pids)
    return sum(int(row.split()[1]) for row in text.splitlines() if row.startswith(key + ":"))


class Neighbours:
    """The share of our CPUs that went to neither peer, servers nor client: others on the machine, or
    the hypervisor. A figure measured beside much of it is worth little."""

    def __init__(self, pids):
        self._pids, self._cpus = pids, os.sched_getaffinity(0)
        self._start = self._now()

    def _now(self):
        busy = 0
        for row in pathlib.Path("/proc/stat").read_text().splitlines():
            name, *values = row.split()
            if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in self._cpus:
                user, nice, system, _, _, irq, softirq, steal = map(int, values[:8])
                busy += user + nice + system + irq + softirq + steal
        child = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = child.ru_utime + child.ru_stime + run_ns(self._pids) / 1e9
        return time.monotonic(), busy / TICKS, own

    def share(self):
        then, busy, own = (b - a for a, b in zip(self._start, self._now()))
        return max(0.0, busy - own) / (then * len(self._cpus))


class Load:
    """Runs of the client against one port."""

    def __init__(self, programs, port, site, pids=()):
        self._program, self._port, self._site, self._pids = programs / "client", port, site, pids

    def argv(self, *, outstanding=None, rate=None, burst=None, ports=16, warm_s=0.5, seconds=3.0,
             total=None, timeout_ms=2000):
        load = ["-q", outstanding] if outstanding else ["-r", rate] if rate else ["-b", burst]
        amount = ["-n", total] if total else ["-w", round(warm_s * 1000), "-t", round(seconds * 1000)]
        argv = ["-p", self._port, "-W", timeout_ms, *load, *amount]
        argv += [] if burst else ["-c", ports]
        if self._pids:
            argv += ["-P", ",".join(map(str, self._pids))]
        return [str(self._program), *map(str, argv)]

    def run(self, **options):
        """The client's object, flat: with the figures that are made of it."""
        neighbours = Neighbours([*self._pids, self._site.process.pid])
        done = subprocess.run(self.argv(**options), stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
        if found["answered"] == 0:
            raise Failed(f"no answers: {found}")
        if found["wrong"]:
            raise Failed(f"wrong answers: {found}")
        return {
            **{key: found[key] for key in ("sent", "answered", "lost", "late")},
            **found["latency_us"],
            "failed": sum(found["rcodes"].values()),
            "rate": found["answered"] / found["seconds"],
            "cpu_us": found["cpu_ns"] / 1e3 / found["answered"],
            "wakeups": found["runs"] / found["answered"],
            "client_us": found["client_cpu_ns"] / 1e3 / found["answered"],
            "behind_us": found["behind_us"]["mean"],
            "neighbours": neighbours.share(),
        }
