# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon under test: its configuration, start, log, counters and end.

Ready is what the daemon tells the service manager: READY=1 on NOTIFY_SOCKET."""
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from .client import Client
from .ports import free_port
from .wait import PATIENCE, until

BINARY = os.environ.get("DNSBAL", "")
METRIC_HEADER = pathlib.Path(__file__).parents[3] / "src/base/metric.h"
DISPATCH = os.environ.get("DNSBAL_DISPATCH", "")  # in place of the default: direct
IS_ROOT = os.geteuid() == 0
REPORTS = ("Sanitizer", "runtime error:", "WARNING: ThreadSanitizer")
# For tests under load that are not about shedding: a neighbour that takes the core for a moment must
# not make a standing queue.
PATIENT_QUEUE = {"capacity": 65536, "target_ms": 1000, "interval_ms": 10000}
# Without neighbours a third, because daemon, client and servers share the cores; 0.6 with one that
# never sleeps on each core, 0.7 with two, 0.8 with four.
CORE_WAIT = 0.6


class Array(list):
    """A libconfig array, [ ]; a plain list is written as ( )."""


def to_config(value):
    """A Python value as libconfig writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + " ".join(f"{k} = {to_config(v)};" for k, v in value.items()) + " }"
    pair = "[]" if isinstance(value, Array) else "()"
    return pair[0] + ", ".join(to_config(v) for v in value) + pair[1]


def config_text(**keys):
    """The lines of a configuration file."""
    return "".join(f"{key} = {to_config(value)};\n" for key, value in keys.items())


def binary_for_anybody(directory):
    """A copy of the binary that an unprivileged user can reach and run."""
    copy = pathlib.Path(directory) / "dnsbal"
    shutil.copy(BINARY, copy)
    copy.chmod(0o755)
    return str(copy)


_directories = []


def work_directory():
    """A directory that the user the daemon becomes can read. Lives as long as the run at most."""
    path = tempfile.mkdtemp(prefix="dnsbal-test-")
    os.chmod(path, 0o755)
    _directories.append(path)
    return pathlib.Path(path)


def remove_directories():
    """At the end of the run."""
    for path in _directories:
        shutil.rmtree(path, ignore_errors=True)


def metric_kinds():
    """{counter: kind}, from the table in the source: the tests know no list of their own."""
    text = METRIC_HEADER.read_text()
    return dict(re.findall(r"X\((\w+), ([A-Z]+),", text))


class NotifySocket:
    """What systemd would be: receives READY=1 and its kin."""

    def __init__(self, path):
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o777)
        self.seen = []

    def wait(self, word, process, timeout=PATIENCE):
        """True when `word` came; False when the process ended first."""
        end = time.monotonic() + timeout
        self.sock.settimeout(0.1)
        while word not in self.seen:
            assert time.monotonic() < end, f"no {word} within {timeout} s, only {self.seen}"
            try:
                self.seen += self.sock.recv(4096).decode().splitlines()
            except TimeoutError:
                if process.poll() is not None:
                    return False
        return True

    def close(self):
        self.sock.close()


class Log:
    """The lines of a pipe, as they come; waiting for one is an event, not a poll."""

    def __init__(self, pipe):
        self.lines, self.ended = [], False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe):
        for line in pipe:
            with self._changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def find(self, *words, start=0):
        """Lines from `start` on that contain every word."""
        return [line for line in self.lines[start:] if all(word in line for word in words)]

    def wait(self, *words, start=0, timeout=PATIENCE):
        """The first line from `start` on that contains every word."""
        with self._changed:
            self._changed.wait_for(lambda: self.find(*words, start=start) or self.ended, timeout)
        found = self.find(*words, start=start)
        assert found, f"the log never said {words}; it said:\n" + "\n".join(self.lines[-50:])
        return found[0]

    def text(self):
        return "\n".join(self.lines)

    def join(self):
        self._thread.join(PATIENCE)


class Daemon:
    """A running dnsbal. `argv` replaces `-c FILE`; `prefix` goes before it (nsenter, setpriv)."""

    def __init__(
        self,
        directory,
        text=None,
        *,
        argv=None,
        prefix=(),
        user=None,
        host="127.0.0.1",
        port=0,
        binary=BINARY,
    ):
        self.directory, self.host, self.port = directory, host, port
        self.stopped = None  # the counters it wrote at its end
        if text is not None:
            file = directory / f"dnsbal.{port}.conf"
            file.write_text(text)
            file.chmod(0o644)
            argv = ["-c", str(file)]
        self.notify = NotifySocket(directory / f"notify.{port}.{time.monotonic_ns()}")
        self.process = subprocess.Popen(
            [*prefix, binary, *argv],
            env={**os.environ, "NOTIFY_SOCKET": self.notify.path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=user,
        )
        self.log = Log(self.process.stdout)
        self._clients = []
        ready = False
        try:
            ready = self.notify.wait("READY=1", self.process)
        finally:
            if not ready:
                self._give_up()
        assert ready, f"it did not start: exit {self.process.returncode}\n{self.log.text()}"
        self.pid = self.process.pid

    def _give_up(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self.log.join()
        self.stopped = {}

    def client(self, host=None, **kw):
        """A Client of this daemon, closed when the daemon stops."""
        client = Client(host or self.host, self.port, **kw)
        self._clients.append(client)
        return client

    def ask(self, data):
        """One query from a socket of its own."""
        with Client(self.host, self.port) as client:
            return client.ask(data)

    def signal(self, number):
        self.process.send_signal(number)

    def counters(self):
        """The JSON object of SIGUSR1: {"counters": {}, "pending": N, "servers": [{}]}."""
        start = len(self.log.lines)
        self.signal(signal.SIGUSR1)
        return parse_counters(self.log.wait("counters {", start=start))

    def counter(self, name):
        return self.counters()["counters"][name]

    def wait_for(self, condition, what, timeout=PATIENCE):
        """Until `condition` is true of the counters object; that object."""
        found = {}

        def is_met():
            found.update(self.counters())
            return condition(found)

        until(is_met, lambda: f"{what}\n{found}", timeout)
        return found

    def wait_counter(self, name, value, timeout=PATIENCE):
        """Until a counter is at least `value`; the whole object."""
        return self.wait_for(lambda c: c["counters"][name] >= value, f"{name} {value}", timeout)

    def wait_pending(self, value, timeout=PATIENCE):
        return self.wait_for(lambda c: c["pending"] == value, f"{value} pending", timeout)

    def wait_server(self, name, state, timeout=PATIENCE):
        """Until a server's state is as named; its row."""
        found = self.wait_for(
            lambda c: server_row(c, name)["state"] == state, f"{name} {state}", timeout
        )
        return server_row(found, name)

    def memory_kb(self, key):
        """A row of smaps_rollup (Rss, Anonymous ...), kB."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(next(row for row in text.splitlines() if row.startswith(key + ":")).split()[1])

    def core_wait(self):
        return core_wait(self.pid)

    def check_balance(self):
        """Every query ended in exactly one way. Asked again while counting threads are at it."""
        found = {}

        def is_balanced():
            found.update(self.counters())
            return not imbalance(found)

        until(is_balanced, lambda: f"{imbalance(found)}\n{found}", 5)
        return found

    def stop(self, expect=0):
        """SIGTERM, then what the end must look like: exit code, balance, no sanitizer report."""
        if self.stopped is not None:
            return self.stopped
        self.signal(signal.SIGTERM)
        return self.wait_exit(expect)

    def wait_exit(self, expect=0, timeout=PATIENCE * 2, counters=True):
        """Waits for an end that was asked for already. `counters`: read the last ones in the log."""
        self.stopped = {}
        try:
            code = self.process.wait(timeout)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.log.join()
            self.notify.close()
            self.process.stdout.close()
            for client in self._clients:
                client.close()
        assert not any(word in line for line in self.log.lines for word in REPORTS), self.log.text()
        assert code == expect, f"exit {code}\n{self.log.text()}"
        if not counters:
            return self.stopped
        last = self.log.find("counters {")
        assert last, "no counters at the end:\n" + self.log.text()
        self.stopped = parse_counters(last[-1])
        assert not imbalance(self.stopped), f"{imbalance(self.stopped)}\n{self.stopped}"
        return self.stopped


def core_wait(pid):
    """Of the time in which a process's threads could have run, the part they waited for a core: 0 to 1."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    ran, waited = map(sum, zip(*([int(n) for n in t.read_text().split()[:2]] for t in tasks)))
    return waited / (ran + waited)


def parse_counters(line):
    return json.loads(line[line.index("{") :])


def server_row(counters, name):
    return next(row for row in counters["servers"] if row["name"] == name)


def imbalance(found):
    """"" or what does not add up (DESIGN.md 7)."""
    values, kinds = found["counters"], metric_kinds()
    assert set(values) == set(kinds), f"counters differ from the table: {set(values) ^ set(kinds)}"
    ends = {"ANSWERED", "DROPPED", "SHED", "MERGED"}
    total = sum(value for name, value in values.items() if kinds[name] in ends) + found["pending"]
    return "" if total == values["queries"] else f"{values['queries']} queries, {total} ends"


def run(*argv, timeout=PATIENCE, **kw):
    """Runs the binary to its end: for usage, -t, -V and starts that must fail."""
    kw.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        [*kw.pop("prefix", ()), kw.pop("binary", BINARY), *map(str, argv)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=timeout,
        check=False,
        **kw,
    )


def default_keys(keys):
    """The keys every test's configuration starts from."""
    out = dict(keys)
    if IS_ROOT:
        out.setdefault("user", "nobody")
    if DISPATCH:
        out.setdefault("dispatch", DISPATCH)
    return out


def start(directory, servers, host="127.0.0.1", port=None, prefix=(), **keys):
    """Writes a configuration and starts the daemon on it."""
    port = port or free_port()
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    keys = default_keys({"listen": [shown], "servers": servers, **keys})
    return Daemon(directory, config_text(**keys), host=host, port=port, prefix=prefix)


def nobody():
    """The unprivileged user, where we may become it."""
    return pwd.getpwnam("nobody").pw_uid if IS_ROOT else None
