# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's dnsdist, to be compared with. Its web server is on only to be asked for counters."""
import json
import shutil
import subprocess
import urllib.request

from .ports import free_port
from .wait import PATIENCE, end_process, until

PROGRAM = shutil.which("dnsdist", path="/usr/bin:/usr/sbin:/usr/local/bin")
CONFIG = """setLocal("127.0.0.1:{port}")
setSecurityPollSuffix("")
{servers}
{policy}
setWebserverConfig({{ apiKey = "key", password = "word", acl = "127.0.0.1/32" }})
webserver("127.0.0.1:{web}")
"""


def version():
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split()[:2])


class Dnsdist:
    """A running one over these servers, rows of address and weight; `policy`: a line of its configuration, "" for its own
    choice; `space`: the namespace to run in."""

    def __init__(self, directory, rows, policy="", space=None):
        self.port, self._web, self._space = free_port(), free_port(), space
        words = [f'address = "{row["address"]}", weight = {row["weight"]}' for row in rows]
        servers = "\n".join(f"newServer({{ {text} }})" for text in words)
        conf = directory / f"dnsdist.{self.port}.conf"
        conf.write_text(
            CONFIG.format(port=self.port, servers=servers, policy=policy, web=self._web)
        )
        argv = [PROGRAM, "--supervised", "--disable-syslog", "-C", str(conf)]
        self._log = open(directory / f"dnsdist.{self.port}.log", "wb")
        self.process = subprocess.Popen(
            [*(space.prefix if space else ()), *argv], stdout=self._log, stderr=self._log
        )
        self.pid = self.process.pid
        try:
            self._wait_ready(len(rows))
        except BaseException:
            self.close()
            raise

    def _servers(self):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._web}/api/v1/servers/localhost", headers={"X-API-Key": "key"}
        )

        def read():
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["servers"]

        return self._space.inside(read) if self._space else read()

    def _wait_ready(self, n):
        def is_ready():
            assert self.process.poll() is None, "dnsdist did not start"
            try:
                rows = self._servers()
            except OSError:
                return False
            return len(rows) == n and all(row["state"].lower() == "up" for row in rows)

        until(is_ready, "dnsdist to be ready", pause=0.1)

    def counts(self):
        """Queries sent to each server so far."""
        return [row["queries"] for row in sorted(self._servers(), key=lambda row: row["id"])]

    def close(self):
        end_process(self.process)
        self._log.close()
