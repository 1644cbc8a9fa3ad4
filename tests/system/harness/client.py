# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients on plain sockets: every answer is checked for ID, QR, question, and where it came from."""
import socket
import time

from . import message as m
from .wait import PATIENCE


class Client:
    """One UDP socket towards one address. Use as a context manager."""

    def __init__(self, host, port, source=None, sock=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = sock or socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if source:
            self.sock.bind(source)
        self.target = (host, port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendto(data, self.target)

    def receive(self, timeout=PATIENCE):
        """The next datagram; it must come from the address asked."""
        self.sock.settimeout(timeout)
        data, peer = self.sock.recvfrom(65535)
        assert peer[1] == self.target[1], f"an answer from {peer}, asked was {self.target}"
        assert socket.inet_pton(self.sock.family, peer[0].split("%")[0]) == socket.inet_pton(
            self.sock.family, self.target[0].split("%")[0]
        ), f"an answer from {peer}, asked was {self.target}"
        return data

    def ask(self, data, timeout=PATIENCE):
        """Sends a query, returns the View of its answer, checked."""
        self.send(data)
        return check_answer(data, self.receive(timeout))

    def ask_name(self, name="www.example.test", qtype=m.A, **kw):
        return self.ask(m.query(name, qtype, **kw))

    def ask_timed(self, data):
        """(answer, seconds)"""
        start = time.monotonic()
        view = self.ask(data)
        return view, time.monotonic() - start

    def gather(self, n, timeout=PATIENCE):
        """n datagrams, in the order they came."""
        end = time.monotonic() + timeout
        return [self.receive(max(0.01, end - time.monotonic())) for _ in range(n)]

    def is_quiet(self):
        """Nothing waits to be read. Only meaningful after an event that proves it should have
        come by now (a later answer, a counter)."""
        self.sock.setblocking(False)
        try:
            return not self.sock.recv(65535)
        except BlockingIOError:
            return True


def check_answer(query, data):
    """ID, QR, opcode, RD, CD and the question's bytes are the query's own."""
    asked, view = m.View(query), m.View(data)
    assert view.id == asked.id, f"answer's ID {view.id}, the query's {asked.id}"
    assert view.flags & m.QR, "an answer without QR"
    assert view.opcode == asked.opcode
    if view.counts[0]:
        assert view.question == asked.question, "an answer to another question"
    mask = m.RD | m.CD
    assert view.flags & mask == asked.flags & mask, "RD or CD is not the client's"
    return view
