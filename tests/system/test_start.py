# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, and what is said when it cannot: the command line, -t, exit codes, messages."""
import pathlib
import re
import shutil
import signal
import socket

import pytest
from harness import message as m
from harness.daemon import (
    IS_ROOT,
    Array,
    Daemon,
    binary_for_anybody,
    config_text,
    default_keys,
    nobody,
    run,
)
from harness.netns import Namespace
from harness.ports import free_port
from harness.stub import Stub

DATA = pathlib.Path(__file__).parents[1] / "data" / "config"


def write(directory, text, name="test.conf"):
    path = directory / name
    path.write_text(text)
    path.chmod(0o644)
    return path


def refuse(directory, *words, text=None, **keys):
    """Neither a start nor -t accept this; both say the words. Returns the messages."""
    if text is None:
        listen = [f"127.0.0.1:{free_port()}"]
        text = config_text(**default_keys({"listen": listen, "servers": ["127.0.0.1:5398"], **keys}))
    path = write(directory, text)
    for argv in (["-t", "-c", path], ["-c", path]):
        done = run(*argv)
        assert done.returncode == 1, f"{argv}: exit {done.returncode}\n{done.stderr}"
        for word in words:
            assert word in done.stderr, f"{argv}: no {word!r} in\n{done.stderr}"
    return done.stderr


# The command line


def test_no_arguments_print_the_usage():
    done = run()
    assert done.returncode == 2
    assert "usage" in (done.stderr + done.stdout).lower()


@pytest.mark.parametrize("argv", [["-x"], ["--no-such-option"], ["-c"], ["-l"], ["-c", "f", "192.0.2.1"]])
def test_usage_errors_exit_2(argv):
    done = run(*argv)
    assert done.returncode == 2, done.stderr
    assert done.stderr


@pytest.mark.parametrize("argv", [["-h"], ["--help"], ["-V"], ["--version"]])
def test_help_and_version_exit_0(argv):
    done = run(*argv)
    assert done.returncode == 0
    assert "dnsbal" in done.stdout


def test_print_options_lists_every_key_once():
    done = run("--print-options")
    assert done.returncode == 0
    keys = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert len(keys) == len(set(keys))
    for key in ("listen", "servers", "policy", "deadline_ms", "health.qname", "case_randomize"):
        assert key in keys
    assert all(len(line.split("\t")) == 6 for line in done.stdout.splitlines())


def original(directory, *argv, port):
    binary = binary_for_anybody(directory)
    return Daemon(directory, argv=list(map(str, argv)), port=port, user=nobody(), binary=binary)


def test_original_command_line_balances_over_its_servers(balancer, directory, stubs):
    made = [stubs() for _ in range(3)]
    port = free_port()
    daemon = original(directory, "-l", f"127.0.0.1:{port}", *[s.address for s in made], port=port)
    balancer.adopt(daemon)
    for n in range(60):
        assert daemon.ask(m.query(f"n{n}.example.test")).rcode == m.NOERROR
    assert all(stub.queries for stub in made)


def test_verbose_tells_what_happens_to_each_query(balancer, directory, stub):
    port = free_port()
    daemon = original(directory, "-v", "-l", f"127.0.0.1:{port}", stub.address, port=port)
    balancer.adopt(daemon)
    for n in range(3):
        daemon.ask(m.query(f"shown{n}.example.test"))
        assert daemon.log.wait(f"shown{n}.example.test")
    assert daemon.log.find(stub.address)


@pytest.mark.parametrize("server", ["dns.example.test", "192.0.2.1:0", "192.0.2.1:65536", "::1:::", ""])
def test_original_command_line_refuses_what_is_no_address(server):
    done = run("-l", f"127.0.0.1:{free_port()}", server)
    assert done.returncode in (1, 2)
    assert server in done.stderr


# The configuration


def test_missing_file_is_named(directory):
    done = run("-c", directory / "nowhere.conf")
    assert done.returncode == 1
    assert "nowhere.conf" in done.stderr and "No such file" in done.stderr


@pytest.mark.parametrize("argv", [["localhost"], ["-l", "here:5399", "127.0.0.1:5398"], ["-t", "5301"], ["--demo", "-l", "300.1.1.1:53"]])
def test_wrong_address_on_the_command_line_is_a_usage_error(argv):
    done = run(*argv)
    assert done.returncode == 2 and "command line: " in done.stderr, done.stderr


def test_good_file_checks_good(directory):
    path = write(directory, config_text(**default_keys({"servers": ["127.0.0.1:5398"]})))
    done = run("-t", "-c", path)
    assert done.returncode == 0, done.stderr


def test_error_names_file_line_key_and_what_was_expected(directory):
    path = write(directory, 'servers = ( "127.0.0.1:5398" );\n\nworkers = 300;\n')
    done = run("-t", "-c", path)
    assert done.returncode == 1
    line = next(row for row in done.stderr.splitlines() if "workers" in row)
    assert "test.conf:3: workers:" in line and "300" in line and "256" in line


def test_all_errors_are_told_at_once(directory):
    text = 'servers = ( "127.0.0.1:5398" );\nworkers = 300;\npolicy = "roundrobin";\nwibble = 1;\n'
    told = refuse(directory, "workers", "policy", "wibble", text=text)
    for line in (":2:", ":3:", ":4:"):
        assert line in told


def test_misspelt_key_gets_a_suggestion(directory):
    told = refuse(directory, "serverz", "servers", text='serverz = ( "127.0.0.1:5398" );\n')
    assert "did you mean" in told


def test_name_where_an_address_belongs(directory):
    refuse(directory, ":2:", "servers", "dns.example.test", servers=["dns.example.test"])


def test_server_that_is_ourselves(directory):
    port = free_port()
    refuse(
        directory, f"127.0.0.1:{port}", listen=[f"127.0.0.1:{port}"], servers=[f"127.0.0.1:{port}"]
    )


def test_server_that_is_ourselves_through_a_wildcard(directory):
    port = free_port()
    refuse(directory, f"127.0.0.5:{port}", listen=[f"0.0.0.0:{port}"], servers=[f"127.0.0.5:{port}"])


@pytest.mark.parametrize("which", ["name", "address"])
def test_two_servers_of_one_identity(directory, which):
    rows = [{"address": "127.0.0.1:5398", "name": "x1"}, {"address": "127.0.0.1:5399", "name": "x1"}]
    if which == "address":
        rows = [{"address": "127.0.0.1:5398", "name": "x1"}, {"address": "127.0.0.1:5398", "name": "x2"}]
    refuse(directory, "x1" if which == "name" else "127.0.0.1:5398", servers=rows)


@pytest.mark.skipif(not IS_ROOT, reason="only root changes the user")
def test_unknown_user_is_named(directory):
    refuse(directory, "/test.conf:3: user: user 'no-such-user-here'", user="no-such-user-here")


@pytest.mark.skipif(not IS_ROOT, reason="only root changes the user")
def test_problems_of_a_start_name_the_included_file(directory):
    (directory / "other.conf").write_text('\nuser = "no-such-user-here";\n')
    text = f'listen = "127.0.0.1:{free_port()}";\nservers = "127.0.0.1:5398";\n@include "other.conf"\n'
    refuse(directory, "/other.conf:2: user: ", text=text)


@pytest.mark.skipif(not IS_ROOT, reason="only root changes the user")
def test_file_that_the_user_cannot_read_is_an_error(directory):
    keys = default_keys({"listen": [f"127.0.0.1:{free_port()}"], "servers": ["127.0.0.1:5398"]})
    path = write(directory, config_text(**keys))
    path.chmod(0o600)
    assert run("-t", "-c", path).returncode == 1
    done = run("-c", path)
    assert done.returncode == 1
    assert "test.conf" in done.stderr and "nobody" in done.stderr


@pytest.mark.skipif(not IS_ROOT, reason="only root changes the user")
def test_started_as_root_it_is_somebody_else_without_capabilities(balancer, stub):
    daemon = balancer([stub.address])
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    ids = re.findall(r"^[UG]id:\t(\d+)\t(\d+)\t(\d+)", status, re.M)
    assert all("0" not in row for row in ids), status
    assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^CapPrm:\t0+$", status, re.M)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M)


def test_port_taken_is_named(directory):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", free_port()))
        shown = f"127.0.0.1:{taken.getsockname()[1]}"
        keys = default_keys({"listen": [shown], "servers": ["127.0.0.1:5398"]})
        done = run("-c", write(directory, config_text(**keys)))
    assert done.returncode == 1
    assert f"/test.conf:1: listen[0]: cannot listen on {shown}: " in done.stderr


def test_all_listeners_that_fail_are_told(directory):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", free_port()))
        shown = [f"127.0.0.1:{taken.getsockname()[1]}", f"192.0.2.55:{free_port()}"]
        keys = default_keys({"listen": shown, "servers": ["127.0.0.1:5398"]})
        done = run("-c", write(directory, config_text(**keys)))
    assert done.returncode == 1
    assert all(address in done.stderr for address in shown), done.stderr


@pytest.mark.skipif(not IS_ROOT, reason="only root changes the user")
def test_problems_of_all_kinds_are_told_at_once(directory):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", free_port()))
        shown = f"127.0.0.1:{taken.getsockname()[1]}"
        many = [f"127.0.0.1:{port}" for port in range(5000, 5010)]
        keys = {"listen": [shown], "servers": many, "workers": 4, "user": "no-such-user-here"}
        prefix = ["prlimit", "--nofile=100:100", "setpriv", "--bounding-set=-sys_resource"]
        path = write(directory, config_text(**keys))
        started, checked = run("-c", path, prefix=prefix), run("-t", "-v", "-c", path, prefix=prefix)
    assert started.returncode == checked.returncode == 1
    assert f"cannot listen on {shown}" in started.stderr, started.stderr
    for words in ("limit of 100 open files", "no-such-user-here"):
        assert words in started.stderr, started.stderr
        assert words in checked.stderr, checked.stderr


def test_server_down_at_start_is_told_and_no_reason_not_to_start(balancer, stub):
    gone = f"127.0.0.1:{free_port()}"
    health = {"interval_ms": 200, "fast_interval_ms": 100, "timeout_ms": 200}
    rows = [{"address": gone, "name": "gone"}, stub.row(name="there")]
    daemon = balancer(rows, policy="round-robin", health=health)
    daemon.log.wait("gone", "down at start: it is unreachable; does it run, and listen on that address and port?")
    daemon.wait_server("there", "up")
    for n in range(10):
        assert daemon.ask(m.query(f"n{n}.example.test")).rcode == m.NOERROR


def test_a_hundred_servers(balancer, directory):
    with Stub(addresses=[(f"127.0.4.{i}", 0) for i in range(1, 101)]) as stub:
        rows = [f"127.0.4.{i + 1}:{s.getsockname()[1]}" for i, s in enumerate(stub.sockets)]
        daemon = balancer(rows, policy="round-robin", workers=2)
        daemon.wait_for(lambda c: all(row["state"] == "up" for row in c["servers"]), "100 up")
        with daemon.client() as client:
            for n in range(300):
                assert client.ask_name(f"n{n}.example.test").rcode == m.NOERROR
        assert {q.sock.getsockname()[0] for q in stub.queries} == {r.split(":")[0] for r in rows}
        daemon.check_balance()
        daemon.stop()


def test_arrays_lists_and_bare_strings_are_one(balancer, stub):
    for acl in ("127.0.0.0/8", Array(["127.0.0.0/8"]), ["127.0.0.0/8"]):
        assert balancer([stub.address], acl=acl).ask(m.query()).rcode == m.NOERROR


# -t agrees with a start


def config_files(kind):
    return sorted(path.name for path in (DATA / kind).glob("*.conf"))


def test_bad_files_are_refused_by_check_and_start_alike():
    names = config_files("bad")
    assert names
    for name in names:
        path = DATA / "bad" / name
        checked, started = run("-t", "-c", path), run("-c", path)
        assert checked.returncode == 1, f"{name}: exit {checked.returncode}"
        assert started.returncode == 1, f"{name}: -t refuses what a start takes"
        assert checked.stderr and set(checked.stderr.splitlines()) <= set(started.stderr.splitlines()), name


@pytest.fixture(scope="module")
def lenient():
    """A namespace where nobody may bind any port and any address, so that only the file decides."""
    with Namespace() as space:
        space.sysctl("ipv4/ip_unprivileged_port_start", 0)
        space.sysctl("ipv4/ip_nonlocal_bind", 1)
        space.sysctl("ipv6/ip_nonlocal_bind", 1)
        yield space


@pytest.mark.parametrize("name", config_files("good"))
def test_good_files_are_taken_by_check_and_start_alike(lenient, directory, name):
    shutil.copytree(DATA, directory / "config")  # where nobody can read it
    path = directory / "config" / "good" / name
    binary = binary_for_anybody(directory)
    drop = ["setpriv", "--reuid=65534", "--clear-groups"] if IS_ROOT else []
    prefix = [*lenient.prefix, *drop]
    checked = run("-t", "-c", path, prefix=prefix, binary=binary)
    assert checked.returncode == 0, checked.stderr
    daemon = Daemon(directory, argv=["-c", str(path)], prefix=prefix, binary=binary)
    daemon.signal(signal.SIGTERM)  # its log may be elsewhere: no counters to read
    daemon.wait_exit(counters=False)
