# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting: generous deadlines, and the environment's say in what is asserted."""
import os
import subprocess
import time
import warnings

from .neighbours import wait_until_calm

SANITIZER = bool(os.environ.get("DNSBAL_SANITIZER"))
QUICK = bool(os.environ.get("DNSBAL_QUICK"))
# What an event may take on a loaded machine before a test gives up. Nothing waits this long
# unless it fails.
PATIENCE = 60.0 if SANITIZER else 20.0


def scaled(n):
    """A rate or an amount: a twentieth under a sanitizer, where nobody asserts times."""
    return max(1, n // 20) if SANITIZER else n


def until(condition, what, timeout=None, pause=0.02):
    """Polls what cannot be waited for (another process's state). Returns the condition's value. `what`:
    a text, or a function that makes it once it is needed."""
    end = time.monotonic() + (timeout or PATIENCE)
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain: {what() if callable(what) else what}"
        time.sleep(pause)


def end_process(process, patience=10):
    """Asks it to end, and kills it when it does not."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def attempts(check, n=3):
    """Until `check` says "" (what is wrong otherwise), n times at most, again once the machine is calm: of
    figures that a neighbour on it spoils for a moment."""
    said = []
    for left in reversed(range(n)):
        said.append(check())
        if not said[-1]:
            return
        if left:
            warnings.warn(f"again: {said[-1][:300]}")
            wait_until_calm()
    raise AssertionError("\n".join(said))
