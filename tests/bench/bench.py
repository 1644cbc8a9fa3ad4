# SPDX-License-Identifier: GPL-3.0-or-later
"""What a query costs: dnsbal and other balancers side by side. doc/benchmarks.md tells how, and what it
does not tell. Run by `make bench`; DNSBAL=/path/of/dnsbal, DNSDIST=/path/of/another/dnsdist.

bench.py --programs FOLDER --output FOLDER [--only NAME,NAME...] [--peers NAME,NAME...] [--rounds N]
    [--seconds S] [--cpus N] [--record] [--smoke]

Writes into the output folder: figures.md (all tables), figures.csv (see results.py), plots as SVG. --record
also puts the tables into doc/benchmarks.md, between its two marks. --smoke: everything once and for moments;
it fails if something cannot be measured, or an answer is wrong, and judges no time."""
import argparse
import contextlib
import datetime
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

import benchmarks  # noqa: E402
import measure  # noqa: E402
import peers as peers_module  # noqa: E402
from harness import daemon  # noqa: E402
from harness.ports import free_port  # noqa: E402
from results import Results  # noqa: E402

DOCUMENT = HERE.parents[1] / "doc/benchmarks.md"
MARKS = ("<!-- figures: begin -->\n", "<!-- figures: end -->\n")
# More of our CPUs than that in other hands, and the figures are not worth comparing.
NEIGHBOURS = 0.05


class Context:
    """What the benchmarks share."""

    def __init__(self, options, scratch):
        self.programs = pathlib.Path(options.programs).resolve()
        self.rounds, self.seconds, self.smoke = options.rounds, options.seconds, options.smoke
        self.scratch, self.results = scratch, Results()
        self.port = free_port()
        self.absent = {}  # peer: why
        self.failures, self.impossible = [], []
        self._begin = time.monotonic()
        rows = peers_module.all_peers()
        only = options.peers.split(",") if options.peers else rows
        self.peers = {name: rows[name] for name in only if self._is_usable(name, rows[name])}
        self.versions = {name: peer.version() for name, peer in self.peers.items()}

    def _is_usable(self, name, peer):
        why = peer.check(self)
        if why:
            self.absent[name] = f"{peer.label}: {why}"
            self.say(f"not measured: {self.absent[name]}")
        return not why

    @contextlib.contextmanager
    def guard(self, what):
        """What fails is told at the end; the rest is worth measuring all the same."""
        try:
            yield
        except measure.Impossible as err:
            self.impossible.append(what)
            self.results.notes.append(f"not measured: {what}: {err}")
            self.say(self.results.notes[-1])
        except (measure.Failed, AssertionError, OSError, subprocess.SubprocessError) as err:
            self.failures.append(f"{what}: {err}")
            self.say(f"FAILED: {self.failures[-1]}")

    def say(self, words):
        print(f"[{time.monotonic() - self._begin:5.0f} s] {words}", flush=True)


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((row.split(":")[1].strip() for row in text.splitlines() if row.startswith("model name")), "?")
    cpus = len(os.sched_getaffinity(0))
    return f"{cpus} CPUs ({model}), {platform.system()} {platform.release().split('-')[0]}"


def neighbours(results):
    """The worst of all measurements."""
    return max((row.value for row in results.rows if row.metric == "neighbours"), default=0.0)


def document(context, chosen):
    worst = neighbours(context.results)
    calm = "quiet" if worst <= NEIGHBOURS else "not quiet, and these figures are not worth comparing"
    lines = [
        f"Measured on {datetime.date.today()}: {machine()}; {context.rounds} rounds of "
        f"{context.seconds:g} s. Others took {worst:.0%} of the CPUs at most: the machine was {calm}.",
        "Median, and in brackets the least and the most of the rounds; ratios are medians of those within a "
        "round. Versions: " + "; ".join(sorted(set(context.versions.values()))) + ".",
    ]
    lines += [f"Not measured: {why}." for why in context.absent.values()]
    lines += [f"FAILED: {what.splitlines()[0]}" for what in context.failures]
    lines += sorted(set(context.results.notes))
    parts = ["\n".join(lines) + "\n"]
    for benchmark in chosen:
        found = benchmark.tables()
        if found:
            parts.append(f"### {benchmark.title}\n\n{found}")
    return "\n".join(parts)


def record(text):
    whole = DOCUMENT.read_text()
    before, rest = whole.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    DOCUMENT.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--only", default=",".join(benchmarks.ALL))
    parser.add_argument("--peers", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(benchmarks.ALL)
    unknown |= set(filter(None, options.peers.split(","))) - set(peers_module.all_peers())
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


def check_smoke(context, chosen):
    """Nothing may be missing."""
    missing = list(context.absent.values())
    for benchmark in chosen:
        for name in benchmark.available():
            if any(what.startswith(f"{benchmark.name}: ") for what in context.impossible):
                continue
            if not any(row[0] == benchmark.name and row[2] == name for row in context.results.rows):
                missing.append(f"{benchmark.name}: {name} was not measured")
    return missing


def write(context, chosen, output):
    """All there is so far; the text of the tables."""
    text = document(context, chosen)
    (output / "figures.md").write_text(text)
    context.results.write_csv(output / "figures.csv")
    for benchmark in chosen:
        benchmark.draw(output)
    return text


def main():
    options = parse()
    if not daemon.BINARY:
        sys.exit("set DNSBAL=/path/of/dnsbal")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cpus])
    output = pathlib.Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="dnsbal-bench-"))
    try:
        context = Context(options, scratch)
        chosen = [benchmarks.ALL[name](context) for name in options.only.split(",")]
        for i, benchmark in enumerate(chosen):
            benchmark.run()
            text = write(context, chosen[: i + 1], output)
    except measure.Failed as err:
        sys.exit(f"bench: {err}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(text)
    print(f"written to {output}: {len(context.results.rows)} figures")
    missing = context.failures + (check_smoke(context, chosen) if options.smoke else [])
    if missing:
        sys.exit("bench: " + "\n".join(missing))
    if options.record:
        record(text)


if __name__ == "__main__":
    main()
