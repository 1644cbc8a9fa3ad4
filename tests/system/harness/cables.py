# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers at the ends of cables, and what only a cable can do to them: a remote kernel sends about
one ICMP error a second, while loopback sends every one."""
from . import fault as f
from .netns import Namespace, cable

NETWORKS = ("192.0.2", "198.51.100", "203.0.113")


class Site:
    """A namespace for the balancer and its clients, and fast servers, each in a namespace of its own
    at the end of a cable of its own."""

    def __init__(self, tools):
        self._spaces, self.servers = [], []
        try:
            self.space = self._space()
            for i, network in enumerate(NETWORKS):
                self._add(tools, i, network)
        except BaseException:
            self.close()
            raise

    def _space(self):
        self._spaces.append(Namespace())
        return self._spaces[-1]

    def _add(self, tools, i, network):
        space = self._space()
        v4, v6 = (f"{network}.1", f"{network}.2"), (f"fd00:{i}::1", f"fd00:{i}::2")
        cable(self.space, space, v4, v6, names=(f"va{i}", "vb"))
        server = f.Server(tools, host=v4[1], prefix=space.prefix)
        server.space = space
        self.servers.append(server)

    def close(self):
        for one in [*self.servers, *self._spaces]:
            one.close()


def _link(state):
    return lambda server: server.space.run("ip", "link", "set", "vb", state)


def _address(verb):
    return lambda server: server.space.run("ip", "addr", verb, f"{server.host}/24", "dev", "vb")


OWN = ("kill", "stop", "link-down", "address-gone")  # where a cable makes a difference


def all_faults():
    """With the address gone the host is there and drops in silence; later it is our own kernel
    that tells of it. A server at the end of a cable has no other address to answer from."""
    return [
        *(fault for fault in f.all_faults() if fault.name != "other-address"),
        f.Fault("link-down", _link("down"), _link("up"), is_left=True),
        f.Fault("address-gone", _address("del"), _address("add"), is_left=True),
    ]
