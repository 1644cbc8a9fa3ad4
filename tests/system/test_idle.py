# SPDX-License-Identifier: GPL-3.0-or-later
"""An idle balancer sleeps."""
import pathlib
import re
import time

import pytest
from harness import message as m

pytestmark = pytest.mark.alone

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
def test_idle_threads_wake_at_most_twice_a_second(balancer, stub):
    """One that never had work, and one whose wheel of deadlines must go back to sleep."""
    port = stub.sock.getsockname()[1]
    # Nobody listens there, so what they are asked ends in an error or at the deadline.
    rows = [{"address": f"127.0.5.{i}:{port}", "state": "up"} for i in range(1, 100)]
    fresh, used = (balancer([*rows, stub.forced()], policy="round-robin") for _ in range(2))
    with used.client() as client:
        for n in range(200):
            client.send(m.query(f"n{n}.example.test"))
        used.wait_pending(0)
    fresh.counters()
    before = switches(fresh.pid) | switches(used.pid)
    time.sleep(SECONDS)  # the measurement, not a synchronisation
    after = switches(fresh.pid) | switches(used.pid)
    rates = {name: (after[name] - count) / SECONDS for name, count in before.items()}
    assert max(rates.values()) <= 2, rates
