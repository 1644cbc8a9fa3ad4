# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of test_faults.py against dnsbal and against dnsdist, with the defaults of each and with
round robin. Writes a document of tables. Run by `make compare`; takes about twenty minutes. What was
measured while neighbours had the cores is no figure: it is measured again, and told to be missing.

DNSBAL=/path/of/dnsbal compare.py [--rate N] [--seconds S] [--tries N] [--only WORD]
    [--keep FILE] [--minutes N] [--output FILE]

With --keep what was measured is in that file, and is not measured again; with --minutes it ends after
so long, and is to be called again."""
import argparse
import collections
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import cables, dnsdist  # noqa: E402
from harness import daemon as dnsbal  # noqa: E402
from harness import fault as f  # noqa: E402
from harness.tools import Tools  # noqa: E402

HEALTHY_S, REPAIRED_S = 1.5, 3.0
NOT_QUIET = "not quiet"
TEXTS = {
    "kill": "killed (SIGKILL), then started again",
    "stop": "stopped (SIGSTOP), then continued",
    "blackhole": "silent",
    "servfail": "answers SERVFAIL",
    "refused": "answers REFUSED",
    "garbage": "answers random bytes",
    "wrong-id": "answers with wrong IDs",
    "other-address": "answers from another address",
    "loss": "loses 20 % of the queries",
    "slow": "ten times slower",
    "restarts": "restarted every second",
    "link-down": "its link is down",
    "address-gone": "its address is gone",
}
CASES = {
    "one of two": "one of two",
    "two of three": "two of three",
    "the heavy one": "with three quarters of the weight",
    "all": "all three",
}
HEAD = """# dnsbal and dnsdist, when a server fails

Made by `make compare` on {date}; run it again to replace this file. {versions}.
{kernel}, {cpus} CPUs, everything on this one machine.

Three servers answer after 1 ms, or as many as the row says. A client asks {rate} queries a second, each for a name of its own, from
2 000 addresses, in an open loop, and checks every answer for socket, peer, ID and question. After
{healthy} s one of the servers fails, or those that the row names, for {seconds} s; then it is repaired, and
the load goes on for {repaired} s. The client waits 5 s for an answer and never asks twice.

Both balancers run with their defaults, and with round robin; neither of dnsdist's goes by weights. (dnsdist's web server is on, to be asked for
its counters; its security polling is off.) A figure counts if of the time it could have run the balancer
waited for a core for {wait:.0%} at most, and the client was never more than {behind:g} s late. Others were
measured again, up to {tries} times in all; where none counted, it says "{not_quiet}".

"""
ANSWERS = """## Queries without a good answer

Out of some {total}: lost, or answered with anything but NOERROR. While all servers
fail no balancer has a good answer to give.

"""
SLOW = """
## Wait of those that met the fault

The 99th percentile, in ms, of the answers that took more than {affected} ms, and their number. "-": none.

"""
LEFT = """
## Until the server is left, and until it is back in use

Seconds from the fault until it gets less than 5 % of what it got before, and from the repair until it gets
at least half. "never": not while we looked, {seconds} s and {repaired} s. Where nothing stands, nobody has to leave
it (and dnsdist's default policy, the fewest queries out, may do so without knowing). Where all servers fail,
it is the time from the repair until the last query without a good answer.

"""

Row = collections.namedtuple("Row", "title outcomes fault case")  # an outcome a balancer, or None


class Dnsbal:
    def __init__(self, directory, rows, space=None, **keys):
        prefix = space.prefix if space else ()
        self._daemon = dnsbal.start(directory, rows, prefix=prefix, **keys)
        self.port, self.pid = self._daemon.port, self._daemon.pid
        self._daemon.wait_for(lambda c: all(r["state"] == "up" for r in c["servers"]), "all up")

    def counts(self):
        return [row["queries"] for row in self._daemon.counters()["servers"]]

    def close(self):
        self._daemon.stop()


BALANCERS = {
    "dnsbal": lambda *argv: Dnsbal(*argv),
    "dnsbal, round robin": lambda *argv: Dnsbal(*argv, policy="round-robin"),
    "dnsdist": lambda d, a, s=None: dnsdist.Dnsdist(d, a, space=s),
    "dnsdist, round robin": lambda d, a, s=None: dnsdist.Dnsdist(
        d, a, "setServerPolicy(roundrobin)", space=s
    ),
}


class Workshop:
    """What Tools wants of pytest, and where everything is."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="dnsbal-compare-"))
        self.directory.chmod(0o755)

    def mktemp(self, name):
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path


@contextlib.contextmanager
def near_site(tools, n):
    made = [f.Server(tools, other="127.0.0.9") for _ in range(n)]
    try:
        yield made, None
    finally:
        for server in made:
            server.close()


@contextlib.contextmanager
def far_site(tools, n):
    site = cables.Site(tools)
    try:
        assert len(site.servers) == n
        yield site.servers, site.space
    finally:
        site.close()


def measure(tools, workshop, make_site, make_balancer, case, fault, options):
    with make_site(tools, len(case.weights)) as (servers, space), contextlib.ExitStack() as stack:
        rows = [server.row(weight=weight) for server, weight in zip(servers, case.weights)]
        balancer = make_balancer(workshop.directory, rows, space)
        stack.callback(balancer.close)
        load = f.Load(tools, balancer.port, options.rate, prefix=space.prefix if space else ())
        stack.callback(load.close)
        times = (HEALTHY_S, options.seconds, REPAIRED_S)
        watch = f.Watch(balancer.counts)
        outcome = f.exercise(load, watch, servers, case.victims, fault, times=times)
        return outcome, dnsbal.core_wait(balancer.pid), load.behind_s()


def measure_quiet(tries, *argv):
    """The first measurement without a neighbour on the machine, or None."""
    for _ in range(tries):
        outcome, wait, behind = measure(*argv)
        if wait <= dnsbal.CORE_WAIT and behind <= f.BEHIND_S:
            return outcome
        print(f"{NOT_QUIET}: waited {wait:.2f}, client late by {behind:.2f} s", flush=True)
    return None


def all_rows(options):
    """(title, site, case, fault) of each."""
    near = f.all_faults(options.seconds)
    rows = [(TEXTS[fault.name], near_site, f.ONE_OF_THREE, fault) for fault in near]
    for case in f.CASES.values():
        for fault in near:
            if fault.name in case.faults:
                rows.append((f"{TEXTS[fault.name]}, {CASES[case.name]}", near_site, case, fault))
    for fault in cables.all_faults():
        if fault.name in cables.OWN:
            rows.append((TEXTS[fault.name] + ", over a cable", far_site, f.ONE_OF_THREE, fault))
    return [row for row in rows if not options.only or options.only in row[0]]


class Kept:
    """What was measured, in a file if there is one."""

    def __init__(self, path):
        self._path = pathlib.Path(path) if path else None
        has_some = self._path and self._path.exists()
        self._found = json.loads(self._path.read_text()) if has_some else {}

    def get(self, title, name):
        found = self._found.get(f"{title} | {name}")
        return f.Outcome(*found) if found else None

    def put(self, title, name, outcome):
        self._found[f"{title} | {name}"] = outcome
        if self._path:
            self._path.write_text(json.dumps(self._found))


def measure_all(tools, workshop, options):
    kept, end = Kept(options.keep), time.monotonic() + 60 * options.minutes
    for title, make_site, case, fault in all_rows(options):
        row = Row(title, [], fault, case)
        for name, make_balancer in BALANCERS.items():
            outcome = kept.get(title, name)
            if not outcome and time.monotonic() >= end:
                sys.exit(f"{title}, {name} and more are still to be measured: run it again")
            if not outcome:
                outcome = measure_quiet(
                    options.tries, tools, workshop, make_site, make_balancer, case, fault, options
                )
                kept.put(title, name, outcome)
                found = f.brief(outcome.load) if outcome else ""
                print(title, name, shown(missing, outcome, row), found, sep=" | ", flush=True)
            row.outcomes.append(outcome)
        yield row


def shown(cell, outcome, row):
    return cell(outcome, row) if outcome else NOT_QUIET


def missing(outcome, _row):
    n = f.without_answer(outcome.load)
    return f"{n} ({100 * n / outcome.load['sent']:.2g} %)" if n else "0"


def slow(outcome, _row):
    affected = outcome.load["affected"]
    return f"{affected['p99'] / 1000:.0f} ({affected['n']})" if affected["n"] else "-"


def left(outcome, row):
    if not row.fault.is_left:
        return ""
    if row.case.is_total:
        return f"-, {outcome.good_s:.1f}"
    return ", ".join(
        "never" if took is None else f"{took:.1f}" for took in (outcome.left_s, outcome.back_s)
    )


def table(rows, cell):
    lines = ["| the server | " + " | ".join(BALANCERS) + " |"]
    lines.append("|---" * (len(BALANCERS) + 1) + "|")
    for row in rows:
        cells = [shown(cell, outcome, row) for outcome in row.outcomes]
        lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def document(rows, options):
    version = subprocess.run([dnsbal.BINARY, "-V"], capture_output=True, text=True, check=True)
    words = {
        "wait": dnsbal.CORE_WAIT,
        "behind": f.BEHIND_S,
        "tries": options.tries,
        "not_quiet": NOT_QUIET,
        "date": datetime.date.today(),
        "versions": f"{version.stdout.splitlines()[0]}; {dnsdist.version()} of the distribution",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "cpus": len(os.sched_getaffinity(0)),
        "rate": f"{options.rate:,}".replace(",", " "),
        "healthy": HEALTHY_S,
        "seconds": options.seconds,
        "repaired": REPAIRED_S,
        "affected": f.AFFECTED_MS,
        "total": round(options.rate * (HEALTHY_S + options.seconds + REPAIRED_S)),
    }
    parts = [HEAD, ANSWERS, table(rows, missing), SLOW, table(rows, slow)]
    parts += [LEFT, table([row for row in rows if row.fault.is_left], left)]
    return "".join(part if part.startswith("|") else part.format(**words) for part in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--tries", type=int, default=4)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--output")
    options = parser.parse_args()
    if not dnsbal.BINARY or not dnsdist.PROGRAM:
        sys.exit("set DNSBAL=/path/of/dnsbal, and install dnsdist")
    workshop = Workshop()
    try:
        rows = list(measure_all(Tools(workshop), workshop, options))
        text = document(rows, options)
    finally:
        shutil.rmtree(workshop.directory, ignore_errors=True)
    if options.output:
        pathlib.Path(options.output).write_text(text)
    print(text)
    n_missing = sum(outcome is None for row in rows for outcome in row.outcomes)
    if n_missing:
        sys.exit(f"{n_missing} figures are missing: the machine was not quiet; run it again")


if __name__ == "__main__":
    main()
