# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults of test_faults.py against dnsbal and against dnsdist, with the defaults of each and with
round robin. Writes a document of tables. Run by `make compare`; takes about ten minutes. What was
measured while neighbours had the cores is no figure: it is measured again, and told to be missing.

DNSBAL=/path/of/dnsbal compare.py [--rate N] [--seconds S] [--tries N] [--only WORD]
    [--output FILE]"""
import argparse
import collections
import contextlib
import datetime
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

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
HEAD = """# dnsbal and dnsdist, when a server fails

Made by `make compare` on {date}; run it again to replace this file. {versions}.
{kernel}, {cpus} CPUs, everything on this one machine.

Three servers answer after 1 ms. A client asks {rate} queries a second, each for a name of its own, from
2 000 addresses, in an open loop, and checks every answer for socket, peer, ID and question. After
{healthy} s one of the servers fails, for {seconds} s; then it is repaired, and the load goes on for
{repaired} s. The client waits 5 s for an answer and never asks twice.

Both balancers run with their defaults, and with round robin. (dnsdist's web server is on, to be asked for
its counters; its security polling is off.) A figure counts if of the time it could have run the balancer
waited for a core for {wait:.0%} at most, and the client was never more than {behind:g} s late. Others were
measured again, up to {tries} times in all; where none counted, it says "{not_quiet}".

"""
ANSWERS = """## Queries without a good answer

Out of some {total}: lost, or answered with anything but NOERROR.

"""
SLOW = """
## Wait of those that met the fault

The 99th percentile, in ms, of the answers that took more than {affected} ms, and their number. "-": none.

"""
LEFT = """
## Until the server is left, and until it is back in use

Seconds from the fault until it gets less than 5 % of what it got before, and from the repair until it gets
at least half. "never": not while we looked, {seconds} s and {repaired} s. Where nothing stands, nobody has to leave
it (and dnsdist's default policy, the fewest queries out, may do so without knowing).

"""

Row = collections.namedtuple("Row", "title outcomes fault")  # an outcome a balancer, or None


class Dnsbal:
    def __init__(self, directory, addresses, space=None, **keys):
        prefix = space.prefix if space else ()
        self._daemon = dnsbal.start(directory, addresses, prefix=prefix, **keys)
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
def near_site(tools):
    made = [f.Server(tools, other="127.0.0.9") for _ in range(3)]
    try:
        yield made, None
    finally:
        for server in made:
            server.close()


@contextlib.contextmanager
def far_site(tools):
    site = cables.Site(tools)
    try:
        yield site.servers, site.space
    finally:
        site.close()


def measure(tools, workshop, make_site, make_balancer, fault, options):
    with make_site(tools) as (servers, space), contextlib.ExitStack() as stack:
        addresses = [server.address for server in servers]
        balancer = make_balancer(workshop.directory, addresses, space)
        stack.callback(balancer.close)
        load = f.Load(tools, balancer.port, options.rate, prefix=space.prefix if space else ())
        stack.callback(load.close)
        times = (HEALTHY_S, options.seconds, REPAIRED_S)
        outcome = f.exercise(load, f.Watch(balancer.counts), servers, (0,), fault, times=times)
        return outcome, dnsbal.core_wait(balancer.pid), load.behind_s()


def measure_quiet(tries, *argv):
    """The first measurement without a neighbour on the machine, or None."""
    for _ in range(tries):
        outcome, wait, behind = measure(*argv)
        if wait <= dnsbal.CORE_WAIT and behind <= f.BEHIND_S:
            return outcome
        print(f"{NOT_QUIET}: waited {wait:.2f}, client late by {behind:.2f} s", flush=True)
    return None


def measure_all(tools, workshop, options):
    places = [(near_site, f.all_faults(options.seconds), "")]
    places.append((far_site, cables.all_faults(), ", over a cable"))
    for make_site, faults, suffix in places:
        for fault in faults:
            title = TEXTS[fault.name] + suffix
            if options.only and options.only not in title:
                continue
            row = Row(title, [], fault)
            for name, make_balancer in BALANCERS.items():
                outcome = measure_quiet(
                    options.tries, tools, workshop, make_site, make_balancer, fault, options
                )
                row.outcomes.append(outcome)
                found = f.brief(outcome.load) if outcome else ""
                print(title, name, shown(missing, outcome, fault), found, sep=" | ", flush=True)
            yield row


def shown(cell, outcome, fault):
    return cell(outcome, fault) if outcome else NOT_QUIET


def missing(outcome, _fault):
    n = f.without_answer(outcome.load)
    return f"{n} ({100 * n / outcome.load['sent']:.2g} %)" if n else "0"


def slow(outcome, _fault):
    affected = outcome.load["affected"]
    return f"{affected['p99'] / 1000:.0f} ({affected['n']})" if affected["n"] else "-"


def left(outcome, fault):
    if not fault.is_left:
        return ""
    return ", ".join(
        "never" if took is None else f"{took:.1f}" for took in (outcome.left_s, outcome.back_s)
    )


def table(rows, cell):
    lines = ["| the server | " + " | ".join(BALANCERS) + " |"]
    lines.append("|---" * (len(BALANCERS) + 1) + "|")
    for row in rows:
        cells = [shown(cell, outcome, row.fault) for outcome in row.outcomes]
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
