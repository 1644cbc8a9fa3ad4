# SPDX-License-Identifier: GPL-3.0-or-later
"""Free ports for the daemon and for real servers, below the range the kernel hands out itself. Each
of several test processes side by side has ports of its own."""
import os
import random
import socket

LOW, HIGH = 10000, 30000  # below the default ip_local_port_range of 32768
_given = set()
_SIDE_BY_SIDE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_OUR_NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])


def _is_free(port):
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            try:
                with socket.socket(family, kind) as s:
                    if family == socket.AF_INET6:
                        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    s.bind((host, port))
            except OSError as err:
                if family == socket.AF_INET6 and err.errno != 98:  # no IPv6 here
                    continue
                return False
    return True


def free_port():
    """A port free for UDP and TCP in both families, never given twice in one run."""
    for _ in range(1000):
        port = random.randrange(LOW + _OUR_NUMBER, HIGH, _SIDE_BY_SIDE)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError("no free port")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False
