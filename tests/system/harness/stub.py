# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted UDP server: one thread, one selector, any number of sockets.

A script is a callable that gets a Query and returns what to do: None (silence), bytes (the
reply), or a list of Send. It runs in the stub's thread. Probes (". NS" unless told otherwise) are
answered by a script of their own, NOERROR by default, and counted separately."""
import heapq
import itertools
import queue
import selectors
import socket
import threading
import time
from dataclasses import dataclass

from . import message as m
from .wait import PATIENCE


@dataclass
class Send:
    """One datagram to send: `delay` in seconds, `via` another socket than the one asked."""

    data: bytes
    delay: float = 0.0
    via: socket.socket = None


class Query:
    """A datagram as the stub saw it."""

    def __init__(self, data, peer, sock, when):
        self.data, self.peer, self.sock, self.when = data, peer, sock, when
        self._view = None

    @property
    def view(self):
        if self._view is None:
            self._view = m.View(self.data)
        return self._view

    id = property(lambda self: self.view.id)
    port = property(lambda self: self.peer[1])  # the source port
    name = property(lambda self: self.view.name)

    def reply(self, *args, **kw):
        return m.reply(self.data, *args, **kw)


def answer(query):
    """The default script: NOERROR with one A record, no OPT."""
    return query.reply()


def silent(_query):
    return None


ROOT_NS = b"\0" + bytes([0, m.NS, 0, m.IN])


def is_root_ns(data):
    return data[m.QUESTION_OFFSET : m.QUESTION_OFFSET + 5] == ROOT_NS


class Stub:
    """`addresses`: (host, port) pairs, port 0 for any. Use as a context manager."""

    def __init__(self, script=answer, addresses=(("127.0.0.1", 0),), probe=None, sockets=()):
        self.script = script
        self.probe_script = probe or (lambda q: q.reply(answers=()))
        self.is_probe = is_root_ns
        self.queries, self.probes = [], []
        self.failure = None  # an exception of a script
        self.sent = 0
        self._changed = threading.Condition()
        self._orders = queue.SimpleQueue()
        self._timers, self._order = [], itertools.count()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._running = True
        self.sockets = list(sockets) or [self._bind(a) for a in addresses]
        for sock in self.sockets:
            self._selector.register(sock, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True, name="stub")
        self._thread.start()

    @staticmethod
    def _bind(address):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind(address)
        sock.setblocking(False)
        return sock

    @property
    def sock(self):
        return self.sockets[0]

    @property
    def address(self):
        return text_address(self.sock.getsockname())

    def row(self, **keys):
        """A server of the configuration."""
        return {"address": self.address, **keys}

    def forced(self, **keys):
        """The same, taken as up without a probe."""
        return self.row(state="up", **keys)

    def extra_socket(self, host="127.0.0.1", port=0):
        """A socket to send from another address; not read."""
        sock = self._bind((host, port))
        self.sockets.append(sock)
        return sock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the thread; a failed script fails the test here."""
        if not self._running:
            return
        self._running = False
        self._wake_write.send(b"x")
        self._thread.join(PATIENCE)
        for sock in [*self.sockets, self._wake_read, self._wake_write]:
            sock.close()
        self._selector.close()
        if self.failure:
            raise self.failure

    def call(self, function):
        """Runs `function` in the stub's thread."""
        self._orders.put(function)
        self._wake_write.send(b"x")

    def send(self, query, data, via=None):
        """Sends `data` as a reply to a query seen earlier (from any thread)."""
        (via or query.sock).sendto(data, query.peer)

    def wait_queries(self, n, timeout=PATIENCE):
        """The queries seen, once there are n (probes not counted)."""
        return self._wait(self.queries, n, timeout)

    def wait_probes(self, n, timeout=PATIENCE):
        return self._wait(self.probes, n, timeout)

    def _wait(self, seen, n, timeout):
        with self._changed:
            ok = self._changed.wait_for(lambda: len(seen) >= n or self.failure, timeout)
        if self.failure:
            raise self.failure
        assert ok, f"the stub saw {len(seen)} of {n} datagrams in {timeout} s"
        return list(seen)

    def _run(self):
        try:
            while self._running:
                for key, _ in self._selector.select(self._due()):
                    if key.fileobj is self._wake_read:
                        self._take_orders()
                    else:
                        self._read(key.fileobj)
                self._fire()
        except Exception as err:  # pylint: disable=broad-except
            self.failure = err
            with self._changed:
                self._changed.notify_all()

    def _take_orders(self):
        try:
            self._wake_read.recv(4096)
        except BlockingIOError:
            pass
        while not self._orders.empty():
            self._orders.get()()

    def _due(self):
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _fire(self):
        while self._timers and self._timers[0][0] <= time.monotonic():
            _, _, sock, data, peer = heapq.heappop(self._timers)
            self._put(sock, data, peer)

    def _read(self, sock):
        for _ in range(64):  # then look at the timers
            try:
                data, peer = sock.recvfrom(65535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self._take(Query(data, peer, sock, time.monotonic()))

    def _take(self, query):
        probe = self.is_probe(query.data)
        with self._changed:
            (self.probes if probe else self.queries).append(query)
            self._changed.notify_all()
        result = (self.probe_script if probe else self.script)(query)
        if result is None:
            return
        if isinstance(result, (bytes, bytearray)):
            self._put(query.sock, result, query.peer)
            return
        for item in result:
            sock = item.via or query.sock
            if item.delay <= 0:
                self._put(sock, item.data, query.peer)
            else:
                at = query.when + item.delay
                heapq.heappush(self._timers, (at, next(self._order), sock, item.data, query.peer))

    def _put(self, sock, data, peer):
        try:
            sock.sendto(data, peer)
            self.sent += 1
        except OSError:
            pass  # the daemon is gone, or its socket buffer is full: a lost datagram


def text_address(sockname):
    """(host, port, ...) as the configuration writes it."""
    host, port = sockname[0], sockname[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
