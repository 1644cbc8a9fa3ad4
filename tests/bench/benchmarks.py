# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks, one class each: what it runs in a round, its tables and its plots.

To add one: a subclass of Benchmark and a row in ALL. Peers are measured in turn within a round (A B C ...,
A B C ...), each started afresh, so that what the machine does meanwhile meets all of them alike."""
import pathlib
import re
import signal
import subprocess

import measure
import plot
from harness.wait import until
from results import number, ratio, spread, table

OWN = ("queue", "direct", "queue-gso", "direct-gso")
BALANCERS = (*OWN, "dnsdist", "dnsdist-tuned", "other", "other-tuned", "nginx", "unbound", "dnsmasq",
             "relay-queue", "relay-direct")
DNSDIST = ("dnsdist", "dnsdist-tuned", "other", "other-tuned")
# The yardstick of a shape.
RELAY_OF = {name: "relay-direct" if "direct" in name else "relay-queue" for name in OWN}


class Benchmark:
    name = ""
    title = ""
    peers = ()
    rounds_factor = 1
    plots = ()  # files it writes

    def __init__(self, context):
        self.context, self.results = context, context.results

    @property
    def rounds(self):
        return 1 if self.context.smoke else self.context.rounds * self.rounds_factor

    def available(self):
        """Its peers that can be measured here, {name: peer}."""
        return {name: self.context.peers[name] for name in self.peers if name in self.context.peers}

    def labels(self, case):
        """{name: label} of the peers measured in this case."""
        return {
            name: peer.label
            for name, peer in self.available().items()
            if self.results.has(self.name, case, name)
        }

    def run(self):
        for number_ in range(1, self.rounds + 1):
            self.round(number_)

    def round(self, number_):
        raise NotImplementedError

    def measure_all(self, number_, case, site, **load):
        """Each peer once, over this site."""
        for name, peer in self.available().items():
            with self.guard(case, name), peer.run(self.context, site) as running:
                self.note(number_, case, name, running.load.run(**self.times(load)))

    def guard(self, case, name):
        return self.context.guard(f"{self.name}: {case}: {name}")

    def times(self, load):
        """Its moments of a smoke test instead of its seconds."""
        if self.context.smoke:
            return {**load, "seconds": 0.3, "warm_s": 0.1}
        return {"seconds": self.context.seconds, **load}

    def note(self, number_, case, name, found):
        self.results.add(self.name, case, name, number_, **found)
        keys = ("rate", "cpu_us", "p50", "p99", "lost", "neighbours")
        words = [f"{key} {number(found[key])}" for key in keys if key in found]
        self.context.say(f"{self.name} {number_}: {case}: {name}: {', '.join(words)}")

    def site(self, **options):
        return measure.Site(self.context.programs, **options)

    def tables(self):
        """Markdown, what was measured only."""
        raise NotImplementedError

    def draw(self, directory):
        """Plots into a folder."""


class Closed(Benchmark):
    """CPU per query and throughput, when the next query waits for an answer."""

    name = "closed"
    title = "Closed loop, 100 outstanding, three servers, 16 client ports"
    peers = BALANCERS
    case = "100 outstanding"

    def round(self, number_):
        with self.site() as site:
            self.measure_all(number_, self.case, site, outstanding=100)

    def against(self, metric, name, other):
        return ratio(self.results.ratio(self.name, metric, (self.case, name), (self.case, other)))

    def tables(self):
        labels, versions = self.labels(self.case), self.context.versions
        head = ["", "version", "CPU µs per query", "queries/s", "p50 µs", "p99 µs", "wake-ups per query", "lost"]
        rows = []
        for name, label in labels.items():
            values = [self.results.values(self.name, self.case, name, k) for k in ("cpu_us", "rate")]
            rest = [self.results.median(self.name, self.case, name, k) for k in ("p50", "p99", "wakeups")]
            lost = sum(self.results.values(self.name, self.case, name, "lost"))
            rows.append([label, versions[name], *map(spread, values), *map(number, rest), lost])
        return table(head, rows) + "\n" + self.ratio_table(labels)

    def ratio_table(self, labels):
        own = [name for name in RELAY_OF if name in labels]
        if not own:
            return ""
        head = ["against"] + [f"{self.context.peers[n].label}: {w}" for n in own for w in ("CPU", "queries/s")]
        rows = []
        for other, label in labels.items():
            if other in own or (other in RELAY_OF.values() and other not in map(RELAY_OF.get, own)):
                continue
            cells = [self.against(k, n, other) for n in own for k in ("cpu_us", "rate")]
            rows.append([f"{label} ({self.context.versions[other]})", *cells])
        return table(head, rows)

    def draw(self, directory):
        for metric, title, unit in (
            ("cpu_us", "CPU per query, closed loop, 100 outstanding", "µs per query: less is better"),
            ("rate", "Throughput, closed loop, 100 outstanding", "right answers a second: more is better"),
        ):
            groups = {
                label: self.results.values(self.name, self.case, name, metric)
                for name, label in self.labels(self.case).items()
            }
            plot.bars(directory / f"closed-{metric.replace('_', '-')}.svg", title, unit, groups)


class One(Benchmark):
    """Latency of an idle balancer."""

    name = "one"
    title = "One outstanding, one client port"
    peers = ("direct-1", "direct", "queue", *DNSDIST, "relay-direct", "relay-queue")
    rounds_factor = 3
    case = "1 outstanding"

    def round(self, number_):
        with self.site() as site:
            self.measure_all(number_, self.case, site, outstanding=1, ports=1)

    def tables(self):
        head = ["", "version", "p50 µs", "p99 µs", "CPU µs per query", "p50 against dnsdist"]
        rows = []
        for name, label in self.labels(self.case).items():
            values = [self.results.values(self.name, self.case, name, k) for k in ("p50", "p99", "cpu_us")]
            against = self.results.ratio(self.name, "p50", (self.case, name), (self.case, "dnsdist"))
            rows.append([label, self.context.versions[name], *map(spread, values), ratio(against)])
        return table(head, rows)


class Open(Benchmark):
    """Latency under a load that does not wait, at shares of what dnsdist can do at most."""

    name = "open"
    title = "Open loop, three servers, 16 client ports"
    peers = (*OWN, *DNSDIST, "relay-queue", "relay-direct")
    shares = (10, 25, 50, 75, 90)

    def run(self):
        self.peak = self.results.median("closed", Closed.case, "dnsdist", "rate") or self.find_peak()
        super().run()

    def find_peak(self):
        name = "dnsdist" if "dnsdist" in self.context.peers else next(iter(self.available()))
        with self.site() as site, self.context.peers[name].run(self.context, site) as running:
            return running.load.run(**self.times({"outstanding": 100}))["rate"]

    def round(self, number_):
        for share in self.shares if not self.context.smoke else (10,):
            rate = round(self.peak * share / 100)
            with self.site() as site:
                self.measure_all(number_, f"{share} %", site, rate=rate)
        self.results.notes.append(f"open: 100 % is {number(self.peak)} queries/s")

    def tables(self):
        out = []
        for share in self.shares:
            case = f"{share} %"
            labels = self.labels(case)
            if not labels:
                continue
            head = [f"at {share} % of dnsdist's peak", "version", "p50 µs", "p99 µs", "p99.9 µs",
                    "p99 against dnsdist", "p99.9 against dnsdist", "CPU µs per query", "lost of"]
            rows = []
            for name, label in labels.items():
                values = [self.results.values(self.name, case, name, k) for k in ("p50", "p99", "p999")]
                against = [
                    self.results.ratio(self.name, k, (case, name), (case, "dnsdist")) for k in ("p99", "p999")
                ]
                cpu = self.results.median(self.name, case, name, "cpu_us")
                lost, sent = (sum(self.results.values(self.name, case, name, k)) for k in ("lost", "sent"))
                rows.append([label, self.context.versions[name], *map(spread, values), *map(ratio, against),
                             number(cpu), f"{lost} of {sent}"])
            out.append(table(head, rows))
        return "\n".join(out)

    def draw(self, directory):
        for metric, word in (("p50", "median"), ("p99", "99th percentile"), ("p999", "99.9th percentile")):
            series = {
                peer.label: [
                    (share, self.results.median(self.name, f"{share} %", name, metric))
                    for share in self.shares
                    if self.results.has(self.name, f"{share} %", name)
                ]
                for name, peer in self.available().items()
            }
            plot.lines(directory / f"open-{metric}.svg", f"Latency against load: {word}",
                       "% of dnsdist's peak", "µs", series, log_y=True)


def instructions(file):
    """The sum of a callgrind file."""
    found = re.search(r"^(?:totals|summary): (\d+)", pathlib.Path(file).read_text(), re.M)
    if not found:
        raise measure.Failed(f"{file}: no sum of instructions")
    return int(found.group(1))


class Growth(Benchmark):
    """What more servers cost: user-space instructions, and CPU against the relay with as many."""

    name = "growth"
    title = "From 2 to 512 servers"
    peers = ("queue", "direct", "relay-queue", "relay-direct")
    counts = (2, 8, 32, 128, 512)
    few, many = 3200, 19200
    burst = 32

    def case(self, n):
        return f"{n} servers"

    def sizes(self):
        return self.counts[:2] if self.context.smoke else self.counts

    def run(self):
        for n in self.sizes():
            self.count_instructions(n)
        super().run()

    def round(self, number_):
        for n in self.sizes():
            with self.site(n=n) as site:
                self.measure_all(number_, self.case(n), site, outstanding=100)

    def count_instructions(self, n):
        amounts = (320, 960) if self.context.smoke else (self.few, self.many)
        for name in self.available():
            if name not in RELAY_OF:
                continue
            with self.guard(self.case(n), name), self.site(n=n) as site:
                sums = [self.callgrind(name, site, amount) for amount in amounts]
                per_query = (sums[1][0] - sums[0][0]) / (amounts[1] - amounts[0])
                found = {"instructions": per_query, "batch": sums[1][1]}
                self.results.add(self.name, self.case(n), name, 1, **found)
                self.context.say(f"growth: {n} servers: {name}: {found}")

    def callgrind(self, name, site, amount):
        """(instructions in all, queries in a batch) of a run that is asked so much."""
        out = self.context.scratch / f"callgrind.{name}"
        prefix = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
        peer = self.context.peers[name].with_keys(user="root", **COUNTED)
        with peer.run(self.context, site, prefix) as running:
            site.settle()  # of the probes that begin with the process
            running.load.run(burst=self.burst, total=amount, timeout_ms=20000)
            counters = peer.counters()
        return instructions(out), counters["queries"] / max(1, counters["batches"])

    def tables(self):
        cases = [n for n in self.counts if self.labels(self.case(n))]
        if not cases:
            return ""
        head = ["servers", *map(str, cases), f"{cases[-1]} against {cases[0]}"]
        rows = []
        for name, peer in self.available().items():
            for metric, word in (("instructions", "instructions per query"), ("batch", "queries in a batch"),
                                 ("cpu_us", "CPU µs per query")):
                values = [self.results.median(self.name, self.case(n), name, metric) for n in cases]
                if not any(values):
                    continue
                grown = values[-1] / values[0] if values[0] and values[-1] else None
                rows.append([f"{peer.label}: {word}", *map(number, values), ratio(grown)])
        for name, other in RELAY_OF.items():
            if name not in self.available():
                continue
            found = [
                self.results.ratio(self.name, "cpu_us", (self.case(n), name), (self.case(n), other))
                for n in cases
            ]
            rows.append([f"{self.context.peers[name].label}: CPU against the relay", *map(ratio, found), ""])
        return table(head, rows)

    def draw(self, directory):
        for metric, title, unit in (
            ("instructions", "User-space instructions per query", "instructions"),
            ("cpu_us", "CPU per query, closed loop, 100 outstanding", "µs"),
        ):
            series = {
                peer.label: [(n, self.results.median(self.name, self.case(n), name, metric)) for n in self.counts]
                for name, peer in self.available().items()
            }
            plot.lines(directory / f"growth-{metric.replace('_', '-')}.svg", title, "servers", unit, series,
                       log_x=True)


# A minute between probes: under valgrind time goes slowly, and probes are not queries.
COUNTED = {"health": {"interval_ms": 60000}}
PATIENT = {"attempt_timeout_ms": 5000, "deadline_ms": 5000}


class Pending(Benchmark):
    """What more pending queries cost, at the same rate: servers that are slower."""

    name = "pending"
    title = "100 and 100 000 pending, 50 000 queries a second"
    peers = ("queue", "direct", "relay-queue", "relay-direct")
    rate = 50000
    delays_ms = (2, 20, 200, 2000)

    def case(self, delay_ms):
        return f"{self.rate * delay_ms // 1000} pending"

    def available(self):
        return {
            name: peer.with_keys(server={"max_outstanding": 65536}, **PATIENT) if name in RELAY_OF else peer
            for name, peer in super().available().items()
        }

    def round(self, number_):
        delays = self.delays_ms if not self.context.smoke else (2, 200)
        for delay_ms in delays:
            with self.site(delay_us=delay_ms * 1000) as site:
                rate = 2000 if self.context.smoke else self.rate
                load = {"rate": rate, "ports": 64, "warm_s": 3.0, "timeout_ms": 5000}
                self.measure_all(number_, self.case(delay_ms), site, **load)

    def tables(self):
        delays = [d for d in self.delays_ms if self.labels(self.case(d))]
        if not delays:
            return ""
        first = self.case(delays[0])
        head = ["CPU µs per query", *map(self.case, delays), f"{self.case(delays[-1])} against {first}", "lost"]
        rows = []
        for name, peer in self.available().items():
            values = [spread(self.results.values(self.name, self.case(d), name, "cpu_us")) for d in delays]
            grown = self.results.ratio(self.name, "cpu_us", (self.case(delays[-1]), name), (first, name))
            lost = sum(sum(self.results.values(self.name, self.case(d), name, "lost")) for d in delays)
            rows.append([peer.label, *values, ratio(grown), lost])
        return table(head, rows)

    def draw(self, directory):
        series = {
            peer.label: [
                (self.rate * d // 1000, self.results.median(self.name, self.case(d), name, "cpu_us"))
                for d in self.delays_ms
            ]
            for name, peer in self.available().items()
        }
        plot.lines(directory / "pending-cpu-us.svg", f"CPU per query at {self.rate} queries a second",
                   "pending queries", "µs", series, log_x=True)


class Memory(Benchmark):
    """Resident memory, at rest and after load."""

    name = "rss"
    title = "Resident memory"
    peers = ("queue", "direct", "dnsdist", "dnsdist-tuned", "other", "nginx", "unbound", "dnsmasq")
    counts = (3, 200)

    @property
    def rounds(self):
        return 1

    def case(self, n):
        return f"{n} servers"

    def round(self, number_):
        for n in self.counts if not self.context.smoke else self.counts[:1]:
            with self.site(n=n) as site:
                for name, peer in self.available().items():
                    with self.guard(self.case(n), name):
                        self.measure_one(number_, n, name, peer, site)

    def measure_one(self, number_, n, name, peer, site):
        with peer.run(self.context, site) as running:
            start_kb = measure.memory_kb(running.pids)
            running.load.run(**self.times({"outstanding": 200}))
            found = {"start_kb": start_kb, "loaded_kb": measure.memory_kb(running.pids)}
        self.results.add(self.name, self.case(n), name, number_, **found)
        self.context.say(f"rss: {n} servers: {name}: {found}")

    def tables(self):
        cases = [self.case(n) for n in self.counts if self.labels(self.case(n))]
        head = ["MB", "version"] + [f"{case}, {word}" for case in cases for word in ("at start", "after load")]
        rows = []
        for name, label in (self.labels(cases[0]) if cases else {}).items():
            cells = [
                self.results.median(self.name, case, name, key)
                for case in cases
                for key in ("start_kb", "loaded_kb")
            ]
            rows.append([label, self.context.versions[name], *(number(kb / 1024) for kb in cells)])
        return table(head, rows) if rows else ""


class Ports(Benchmark):
    """Does it matter that all queries come from one client port, which all reach one socket?"""

    name = "ports"
    title = "One client port against 16, closed loop, 100 outstanding"
    peers = ("direct", "queue", "dnsdist", "relay-direct")
    counts = (16, 1)

    def case(self, n):
        return f"{n} ports"

    def round(self, number_):
        with self.site() as site:
            for n in self.counts:
                self.measure_all(number_, self.case(n), site, outstanding=100, ports=n)

    def tables(self):
        head = ["", *(f"queries/s, {self.case(n)}" for n in self.counts), "one against 16"]
        rows = []
        for name, label in self.labels(self.case(1)).items():
            values = [self.results.values(self.name, self.case(n), name, "rate") for n in self.counts]
            found = self.results.ratio(self.name, "rate", (self.case(1), name), (self.case(16), name))
            rows.append([label, *map(spread, values), ratio(found)])
        return table(head, rows)


class Syscalls(Benchmark):
    """System calls per query, as strace counts them (which slows all down, so that batches are larger
    than without)."""

    name = "syscalls"
    title = "System calls per query, under strace"
    peers = ("queue", "direct", "dnsdist", "relay-queue", "relay-direct")
    case = "100 outstanding"

    @property
    def rounds(self):
        return 1

    def round(self, number_):
        total = 2000 if self.context.smoke else 50000
        with self.site() as site:
            for name, peer in self.available().items():
                with self.guard(self.case, name), peer.run(self.context, site) as running:
                    self.note_calls(number_, name, total, self.trace(running, total))

    def note_calls(self, number_, name, total, calls):
        per_query = {call: n / total for call, n in calls.items() if n >= total / 1000}
        self.results.add(self.name, self.case, name, number_, **per_query)
        self.context.say(f"syscalls: {name}: {per_query}")

    def trace(self, running, total):
        """{call: how often}, while so many queries are asked."""
        out = self.context.scratch / "strace"
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-o", out, *(word for pid in running.pids for word in ("-p", str(pid)))],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in running.pids:
            said = tracer.stderr.readline()
            if "attached" not in said:
                tracer.kill()
                tracer.communicate()
                raise measure.Impossible(said.strip())
        until(lambda: all(measure.is_traced(pid) for pid in running.pids), "strace to have all threads")
        running.load.run(outstanding=100, total=total, timeout_ms=10000)
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
        return parse_strace(out.read_text())

    def tables(self):
        labels = self.labels(self.case)
        calls = sorted({row.metric for row in self.results.rows if row.benchmark == self.name})
        rows = []
        for call in calls:
            found = [self.results.median(self.name, self.case, name, call) for name in labels]
            rows.append([f"`{call}`", *map(number, found)])
        sums = [
            sum(self.results.median(self.name, self.case, name, call) or 0 for call in calls) for name in labels
        ]
        rows.append(["all", *map(number, sums)])
        return table(["", *labels.values()], rows) if labels else ""


def parse_strace(text):
    """{call: how often} of `strace -c`: "% time, seconds, usecs/call, calls, [errors,] syscall"."""
    calls = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) in (5, 6) and re.fullmatch(r"[\d.]+", words[0]) and words[-1] != "total":
            calls[words[-1]] = int(words[3])
    return calls


ALL = {cls.name: cls for cls in (Closed, One, Open, Growth, Pending, Memory, Ports, Syscalls)}
