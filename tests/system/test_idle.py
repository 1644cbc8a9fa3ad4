# SPDX-License-Identifier: GPL-3.0-or-later
"""An idle balancer sleeps."""
import pathlib
import re
import time

import pytest
from harness import message as m

SECONDS = 10


def switches(pid):
    """{thread: voluntary context switches}, which are its wake-ups."""
    out = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        status = (task / "status").read_text()
        out[task.name, name] = int(re.search(r"^voluntary_ctxt_switches:\t(\d+)", status, re.M).group(1))
    return out


@pytest.mark.rates
@pytest.mark.parametrize("busy_before", [False, True])
def test_idle_threads_wake_at_most_twice_a_second(balancer, stub, busy_before):
    rows = [{"address": f"127.0.5.{i}:{stub.sock.getsockname()[1]}", "state": "up"} for i in range(1, 100)]
    daemon = balancer([*rows, stub.forced()], policy="first-available")
    if busy_before:
        # The wheel of the deadlines must go back to sleep. The first servers are silent.
        with daemon.client() as client:
            for n in range(20):
                client.send(m.query(f"n{n}.example.test"))
            daemon.wait_pending(0)
    daemon.counters()
    before = switches(daemon.pid)
    time.sleep(SECONDS)  # the measurement, not a synchronisation
    after = switches(daemon.pid)
    rates = {name: (after[name] - count) / SECONDS for name, count in before.items()}
    assert max(rates.values()) <= 2, rates
