# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults under load: fast servers that can be broken and repaired, a load that runs meanwhile, and
what became of it. Knows no balancer: what it needs is a port to ask and a function that tells how
many datagrams went to each server so far."""
import collections
import json
import signal
import subprocess
import time

from .ports import free_port
from .stub import text_address
from .wait import PATIENCE, SANITIZER

DELAY_US = 1000  # of a healthy server
AFFECTED_MS = 50  # a query that took longer met the fault, or a neighbour on the machine
SAMPLE_S = 0.05
QUIET_SAMPLES = 4  # that a state must last before we believe it
LEFT_SHARE, BACK_SHARE = 0.05, 0.5  # of the rate that the server had when all was well
GIVE_UP_S = PATIENCE if SANITIZER else 6.0
BEHIND_S = 0.1  # a client that is alone on the machine is never later than that with a query


class Server:
    """One `backend` process. `prefix`: what runs it elsewhere (nsenter)."""

    def __init__(self, tools, host="127.0.0.1", other=None, delay_us=DELAY_US, prefix=()):
        self.host, self.port = host, free_port()
        self.process = None
        self._tools, self._prefix = tools, prefix
        self._argv = [host, self.port, delay_us, *([other] if other else [])]
        self.start()

    def start(self):
        """On the same port as ever; True to itself when it has bound it."""
        argv = [*self._prefix, self._tools.path("backend"), *map(str, self._argv)]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        line = self.process.stdout.readline()
        assert line, f"backend did not start: exit {self.process.wait()}"
        return json.loads(line)

    address = property(lambda self: text_address((self.host, self.port)))

    def row(self, **keys):
        """A server of the configuration."""
        return {"address": self.address, **keys}

    def order(self, text):
        """What it has counted so far; it behaves as ordered from then on."""
        self.process.stdin.write(text + "\n")
        return json.loads(self.process.stdout.readline())

    def count(self, what="queries"):
        return self.order("count")[what]

    def kill(self):
        """SIGKILL; also the end of a stopped one."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process.poll() is None:
            self.kill()


class Restarts:
    """Killed every second, there again a tenth of a second later."""

    PERIOD_S, PAUSE_S = 1.0, 0.1

    def __init__(self):
        self._next, self._is_dead = 0.0, False

    def tick(self, server):
        if time.time() < self._next:
            return
        if self._is_dead:
            server.start()
            self._next += self.PERIOD_S - self.PAUSE_S
        else:
            server.kill()
            self._next = time.time() + self.PAUSE_S
        self._is_dead = not self._is_dead

    def repair(self, server):
        if self._is_dead:
            server.start()
        self.__init__()


class Fault(collections.namedtuple("Fault", "name begin end is_left tick hold_s")):
    """`is_left`: no balancer may go on asking such a server. `tick(server)`: called all the time
    while it lasts, for at least hold_s."""

    def __new__(cls, name, begin, end, is_left=False, tick=None, hold_s=2.0):
        return super().__new__(cls, name, begin, end, is_left, tick, hold_s)


def ordered(name, text, **keys):
    """A fault that is an order to the server."""
    return Fault(name, lambda s: s.order(text), lambda s: s.order("answer"), **keys)


def restarts(hold_s):
    made = Restarts()
    return Fault("restarts", made.tick, made.repair, tick=made.tick, hold_s=hold_s)


def all_faults(restart_s=5.0):
    """Silence is what a blackhole looks like; the true thing needs a cable to pull."""
    return [
        Fault("kill", Server.kill, Server.start, is_left=True),
        Fault("stop", Server.pause, Server.resume, is_left=True),
        ordered("blackhole", "silent", is_left=True),
        ordered("servfail", "rcode 2", is_left=True),
        ordered("refused", "rcode 5", is_left=True),
        ordered("garbage", "garbage", is_left=True),
        ordered("wrong-id", "wrong-id"),
        ordered("other-address", "other-address"),
        ordered("loss", "loss 20"),
        ordered("slow", "slow 10"),
        restarts(restart_s),
    ]


class Case(collections.namedtuple("Case", "name weights victims faults more")):
    """Who is there, who of them fails (numbers of servers), and how: by `faults` always, by `more`
    where nobody is in a hurry."""

    is_total = property(lambda self: len(self.victims) == len(self.weights))


ONE_OF_THREE = Case("one of three", (1, 1, 1), (0,), None, ())  # by all_faults()
CASES = {
    case.name: case
    for case in (
        Case("one of two", (1, 1), (0,), ("kill", "stop", "servfail"), tuple(fault.name for fault in all_faults())),
        Case("two of three", (1, 1, 1), (0, 1), ("kill", "stop"), ("blackhole", "servfail")),
        Case("the heavy one", (3, 1), (0,), ("kill", "stop"), ("blackhole", "servfail", "refused")),
        Case("all", (1, 1, 1), (0, 1, 2), ("kill", "blackhole", "refused"), ("servfail",)),
    )
}


class Load:
    """A running `load`: an open loop, of which finish() tells the end."""

    def __init__(self, tools, port, rate, *options, prefix=()):
        argv = ["-p", port, "-r", rate, "-n", rate * 180, "-w", 5000, "-a", AFFECTED_MS, "-t", 100]
        argv += ["-c", 16, "-S", 2000, *options]
        self._tools, self.summary, self.is_old = tools, None, False
        self.process = tools.start("load", *argv, prefix=prefix)

    def finish(self):
        """The summary, once everything asked is answered or lost."""
        self.process.send_signal(signal.SIGTERM)
        self.summary = self._tools.finish(self.process, PATIENCE * 2)
        return self.summary

    def behind_s(self):
        """How late it was with a query at most: it waited for a core itself."""
        return self.summary["behind_us"] / 1e6 if self.summary else 0

    def close(self):
        self.is_old = True
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class Watch:
    """Samples of how many datagrams each server was sent: [(time, [count])]."""

    def __init__(self, counts):
        self._counts, self.samples = counts, []

    def rates(self, which, start=0.0):
        """[(begin, per second)] of each sample since `start`, these servers together."""
        total = [(when, sum(counts[i] for i in which)) for when, counts in self.samples]
        pairs = [pair for pair in zip(total, total[1:]) if pair[0][0] >= start]
        return [(a[0], (b[1] - a[1]) / (b[0] - a[0])) for a, b in pairs]

    def run(self, seconds, until=None, tick=None):
        """Samples until something is true, or for so long. What was true, or None."""
        end = time.time() + seconds
        while True:
            self.samples.append((time.time(), self._counts()))
            if tick:
                tick()
            found = until() if until else None
            if found is not None or time.time() >= end:
                return found
            time.sleep(SAMPLE_S)

    def since(self, start, which, is_so):
        """Seconds from `start` until the rate is_so() and stays so for some samples, or None."""
        rows = self.rates(which, start)
        for i in range(len(rows) - QUIET_SAMPLES + 1):
            if all(is_so(rate) for _, rate in rows[i : i + QUIET_SAMPLES]):
                return max(0.0, rows[i][0] - start)
        return None


# good_s: from the repair until the last query that went wrong
Outcome = collections.namedtuple("Outcome", "load left_s back_s good_s")


def exercise(load, watch, servers, victims, fault, *, times=None):
    """Breaks and repairs the victims (numbers of servers) while the load runs, and ends it.
    `times`: (healthy, broken, repaired) seconds, for runs to be compared; else the next step
    comes soon after the one before was seen to have its effect."""

    def each(function):
        for victim in victims:
            function(servers[victim])

    def stage(seconds, until, then_s):
        found = watch.run(times[seconds] if times else GIVE_UP_S, None if times else until, tick)
        if not times:
            watch.run(then_s, tick=tick)
        return until() if times else found

    tick = None
    begun = time.time()
    watch.run(times[0] if times else 1.0)
    rates = [rate for _, rate in watch.rates(victims, begun + 0.2)]
    usual = sum(rates) / len(rates)
    floor = 2 / SAMPLE_S if not SANITIZER else 1 / SAMPLE_S
    broken_at = time.time()
    each(fault.begin)
    tick = (lambda: each(fault.tick)) if fault.tick else None
    # Sanitizers make a load so small that a single query is a rate.
    quiet = max(LEFT_SHARE * usual, floor)
    left_s = back_s = None
    if fault.is_left:
        left_s = stage(1, lambda: watch.since(broken_at, victims, lambda rate: rate <= quiet), 0.5)
    else:
        watch.run(times[1] if times else fault.hold_s, tick=tick)
    tick = None
    repaired_at = time.time()
    each(fault.end)
    if fault.is_left:
        busy = BACK_SHARE * usual
        back_s = stage(2, lambda: watch.since(repaired_at, victims, lambda rate: rate >= busy), 0.3)
    else:
        watch.run(times[2] if times else 0.5)
    done = load.finish()
    return Outcome(done, left_s, back_s, max(0.0, done["last_bad"] - repaired_at))


def affected_ms(summary):
    return summary["affected"]["p99"] / 1000


def without_answer(summary):
    """Queries that got anything but NOERROR, or nothing."""
    return summary["sent"] - summary["rcodes"].get("0", 0)


def brief(summary):
    """The summary without its long rows."""
    return {k: v for k, v in summary.items() if k != "series"}
