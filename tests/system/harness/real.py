# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers from the distribution, each on free ports of both loopback addresses, in the
foreground, with all their files in one directory. Ready when they answer."""
import os
import shutil
import socket
import subprocess
import time

import pytest

from . import message as m
from .ports import free_port, has_ipv6
from .wait import PATIENCE, end_process
from .zone import ORIGIN, local_data, zone_file

UNBOUND = """server:
    directory: "{dir}"
    {interfaces}
    access-control: 0.0.0.0/0 allow
    access-control: ::0/0 allow
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    do-daemonize: no
    num-threads: 1
    module-config: "iterator"
    max-udp-size: 4096
    edns-buffer-size: 4096
    minimal-responses: no
    rrset-roundrobin: no
    local-zone: "." static
    local-zone: "{origin}" static
    {data}
remote-control:
    control-enable: no
"""
KNOT = """server:
    rundir: "{dir}"
    listen: [ {listen} ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: 4096
control:
    listen: "{dir}/knot.sock"
log:
  - target: stderr
    any: warning
database:
    storage: "{dir}"
zone:
  - domain: {origin}
    storage: "{dir}"
    file: "{dir}/zone"
    zonefile-sync: -1
    dnssec-signing: on
"""
NSD = """server:
    {addresses}
    server-count: 1
    username: ""
    chroot: ""
    pidfile: ""
    database: ""
    zonesdir: "{dir}"
    zonelistfile: "{dir}/zone.list"
    xfrdfile: "{dir}/xfrd.state"
    xfrdir: "{dir}"
    ipv4-edns-size: 4096
    ipv6-edns-size: 4096
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "{origin}"
    zonefile: "{dir}/zone"
"""


def hosts():
    return ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]


class Real:
    """One real server. `kind`: unbound, knotd or nsd."""

    def __init__(self, kind, directory, port=None):
        program = f"/usr/sbin/{kind}"
        if not os.access(program, os.X_OK):
            pytest.skip(f"{program} is not installed")
        self.kind, self.port = kind, port or free_port()
        self.directory = directory / f"{kind}-{self.port}"
        self.directory.mkdir()
        conf = self.directory / "conf"
        conf.write_text(getattr(self, f"_{kind}")())
        (self.directory / "zone").write_text(zone_file(with_key=kind == "nsd"))
        self._log = open(self.directory / "log", "wb")
        argv = {"unbound": ["-d", "-c"], "knotd": ["-c"], "nsd": ["-d", "-c"]}[kind]
        self.process = subprocess.Popen(
            [program, *argv, str(conf)], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise

    def _unbound(self):
        return UNBOUND.format(
            dir=self.directory,
            origin=ORIGIN,
            interfaces="\n    ".join(f"interface: {host}@{self.port}" for host in hosts()),
            data="\n    ".join(local_data()),
        )

    def _knotd(self):
        listen = ", ".join(f'"{host}@{self.port}"' for host in hosts())
        return KNOT.format(dir=self.directory, origin=ORIGIN, listen=listen)

    def _nsd(self):
        addresses = "\n    ".join(f"ip-address: {host}@{self.port}" for host in hosts())
        return NSD.format(dir=self.directory, origin=ORIGIN, addresses=addresses)

    def address(self, host="127.0.0.1"):
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def row(self, host="127.0.0.1", **keys):
        return {"address": self.address(host), "name": self.kind, **keys}

    def _answers(self, host):
        query = m.query(ORIGIN, m.SOA)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            try:
                sock.connect((host, self.port))
                sock.send(query)
                view = m.View(sock.recv(65535))
                return view.rcode == m.NOERROR and view.counts[1] > 0
            except OSError:
                return False

    def _wait_ready(self):
        end = time.monotonic() + PATIENCE
        for host in hosts():
            while not self._answers(host):
                if self.process.poll() is not None or time.monotonic() > end:
                    self._log.flush()
                    log = (self.directory / "log").read_text()
                    raise AssertionError(f"{self.kind} does not answer on {host}:\n{log}")
                time.sleep(0.05)

    def close(self):
        end_process(self.process)
        self._log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
