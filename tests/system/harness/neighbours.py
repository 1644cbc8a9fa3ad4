# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have of this machine. A hypervisor gives its cores to other machines for a while, of 10
to 60 ms at a time and up to a third of all time; the kernel counts that as stolen. Nothing that
runs here can be on time then, and a figure measured beside it says little about us."""
import os
import pathlib
import subprocess
import time

STOLEN = 0.1  # of the cores' time: usual under load is 0.03 to 0.07
PROBE_S, CALM_S = 0.5, 60.0
TICKS = os.sysconf("SC_CLK_TCK")


class Stolen:
    """The share of all cores' time that the hypervisor gave to others since this was made."""

    def __init__(self):
        self._start = self._now()

    @staticmethod
    def _now():
        total = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()
        return time.monotonic(), int(total[8]) / TICKS

    def share(self):
        spent, stolen = (b - a for a, b in zip(self._start, self._now()))
        return stolen / (spent * os.cpu_count())


def probe():
    """The share that is stolen when every core is wanted: an idle machine is not asked for any."""
    stolen, loop = Stolen(), ["sh", "-c", "while :; do :; done"]
    loops = [subprocess.Popen(loop) for _ in range(os.cpu_count())]
    time.sleep(PROBE_S)
    share = stolen.share()
    for process in loops:
        process.kill()
        process.wait()
    return share


def wait_until_calm():
    """Until the machine has its cores, or for a minute: what is measured next fails if it must."""
    end = time.monotonic() + CALM_S
    while probe() > STOLEN and time.monotonic() < end:
        pass
