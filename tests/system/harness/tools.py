# SPDX-License-Identifier: GPL-3.0-or-later
"""The C programs of the tests: `load` (an open- or closed-loop client), `backend` (a fast server that
fails on order), `forge` (a flooder), and those of the benchmarks: `client`, `servers`, `relay`.

`make check` builds them and names their directory in DNSBAL_TOOLS; without it they are built
here, so that the tests also run on their own."""
import json
import os
import pathlib
import subprocess

TESTS = pathlib.Path(__file__).parents[2]
FOLDERS = ("system", "bench")


class Tools:
    def __init__(self, tmp_path_factory):
        self._factory, self._built = tmp_path_factory, {}

    def path(self, name):
        given = os.environ.get("DNSBAL_TOOLS")
        if given:
            return os.path.join(given, name)
        if name not in self._built:
            out = self._factory.mktemp("tools") / name
            cc = os.environ.get("CC", "cc").split()
            flags = ["-std=c17", "-O2", "-D_GNU_SOURCE", "-pthread"]
            source = next(TESTS / d / f"{name}.c" for d in FOLDERS if (TESTS / d / f"{name}.c").exists())
            subprocess.run([*cc, *flags, str(source), "-o", str(out)], check=True)
            self._built[name] = str(out)
        return self._built[name]

    def start(self, name, *argv, prefix=(), **kw):
        """`prefix` runs it elsewhere (nsenter)."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*prefix, self.path(name), *map(str, argv)], text=True, **pipes, **kw)

    def finish(self, process, timeout):
        """The JSON object a program prints at its end."""
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        assert process.returncode == 0, f"exit {process.returncode}: {err}"
        return json.loads(out)

    def run(self, name, *argv, timeout=120, **kw):
        return self.finish(self.start(name, *argv, **kw), timeout)
