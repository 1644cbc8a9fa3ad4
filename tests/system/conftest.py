# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the system tests. Run with DNSBAL=/path/of/the/binary; see harness/wait.py for
DNSBAL_SANITIZER and DNSBAL_QUICK."""
import os
import shutil
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from harness import daemon as daemon_module  # noqa: E402
from harness import tools as tools_module  # noqa: E402
from harness.stub import Stub  # noqa: E402
from harness.wait import SANITIZER  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "rates: asserts times or rates; not under a sanitizer")
    config.addinivalue_line("markers", "alone: needs the machine for itself; see tests/run-system.sh")
    config.addinivalue_line("markers", "harness: tests the harness itself, needs no daemon")


def pytest_collection_modifyitems(config, items):
    # Skipping would look like success.
    if not daemon_module.BINARY and config.getoption("-m") != "harness":
        raise pytest.UsageError("set DNSBAL=/path/of/dnsbal, or run only -m harness")
    for item in items:
        if "rates" in item.keywords and SANITIZER:
            item.add_marker(pytest.mark.skip(reason="times are not asserted under a sanitizer"))


def pytest_unconfigure():
    daemon_module.remove_directories()


@pytest.fixture
def directory():
    path = daemon_module.work_directory()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def stubs():
    """A function that makes stubs, closed at the end (a failed script fails the test)."""
    made = []

    def make(*args, **kw):
        made.append(Stub(*args, **kw))
        return made[-1]

    yield make
    for stub in made:
        stub.close()


@pytest.fixture
def stub(stubs):
    return stubs()


@pytest.fixture
def balancer(directory):
    """A function that starts daemons; each is stopped, and its balance checked, at the end."""
    made = []

    def start(servers, **keys):
        made.append(daemon_module.start(directory, servers, **keys))
        return made[-1]

    start.adopt, start.made = made.append, made
    yield start
    failures = []
    for daemon in made:
        # Whatever happens, none is left running: its probes are datagrams that later tests do not expect.
        for end in (daemon.check_balance, daemon.stop):
            try:
                if daemon.stopped is None:
                    end()
            except Exception as err:
                failures.append(err)
    if failures:
        raise failures[0]


@pytest.fixture(scope="session")
def tools(tmp_path_factory):
    """The C programs: from DNSBAL_TOOLS, or built here."""
    return tools_module.Tools(tmp_path_factory)
