# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces that a test makes for itself: nothing of the host is touched, and all is
gone when the holder process ends."""
import ctypes
import os
import socket
import subprocess
import threading

import pytest

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """One network namespace, held by a `cat` that waits for its standard input to close."""

    def __init__(self, loopback=True):
        try:
            self._holder = subprocess.Popen(
                ["unshare", "--net", "cat"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._holder.stdin.write(b"ready\n")
            self._holder.stdin.flush()
            ready = self._holder.stdout.readline() == b"ready\n"
        except OSError:
            ready = False
        if not ready:
            pytest.skip("network namespaces are not permitted here")
        self.pid = self._holder.pid
        if loopback:
            self.run("ip", "link", "set", "lo", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._holder.stdin.close()
        self._holder.wait()
        self._holder.stdout.close()

    @property
    def prefix(self):
        """What to put before a command that shall run inside."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--"]

    def run(self, *argv):
        subprocess.run([*self.prefix, *argv], check=True, stdout=subprocess.DEVNULL)

    def sysctl(self, key, value):
        """Writes net.KEY (with slashes) as seen from inside."""
        self.inside(lambda: _write_sysctl(key, value))

    def inside(self, function):
        """The result of `function`, called in a thread that lives in the namespace. Sockets it
        makes stay there."""
        result, error = [], []

        def work():
            try:
                fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
                try:
                    if _libc.setns(fd, CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                finally:
                    os.close(fd)
                result.append(function())
            except BaseException as err:  # pylint: disable=broad-except
                error.append(err)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if error:
            raise error[0]
        return result[0]

    def udp_socket(self, host, port=0):
        """A bound, non-blocking UDP socket inside; `host` may carry a %scope."""

        def make():
            info = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
            family, _, _, _, address = info[0]
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.bind(address)
            sock.setblocking(False)
            return sock

        return self.inside(make)


def _write_sysctl(key, value):
    # /proc/sys/net shows the namespace of the thread that opens it.
    with open(f"/proc/sys/net/{key}", "w", encoding="ascii") as file:
        file.write(str(value))


def cable(left, right, v4=("192.0.2.1", "192.0.2.2"), v6=("fd00::1", "fd00::2"), names=("va", "vb")):
    """A veth pair from `left` (interface va) to `right` (vb) with addresses and link-local
    addresses fe80::a and fe80::b."""
    va, vb = names
    left.run("ip", "link", "add", va, "type", "veth", "peer", "name", vb, "netns", str(right.pid))
    for space, name, host4, host6, local in (
        (left, va, v4[0], v6[0], "fe80::a"),
        (right, vb, v4[1], v6[1], "fe80::b"),
    ):
        space.run("ip", "link", "set", name, "addrgenmode", "none")
        space.run("ip", "addr", "add", f"{host4}/24", "dev", name)
        for address in (host6, local):
            space.run("ip", "addr", "add", f"{address}/64", "dev", name, "nodad")
    for space, name in ((left, va), (right, vb)):
        space.run("ip", "link", "set", name, "up")
