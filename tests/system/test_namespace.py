# SPDX-License-Identifier: GPL-3.0-or-later
"""What loopback cannot show: no route, no IPv6, link-local scopes, several IPv6 addresses, a link
that goes away. Each test has network namespaces of its own."""
import socket
import subprocess

import pytest
from harness import message as m
from harness.client import Client
from harness.daemon import Daemon, binary_for_anybody, config_text, default_keys, run, start
from harness.netns import Namespace, cable
from harness.stub import Stub
from harness.wait import PATIENCE, until

FAST = {"interval_ms": 200, "fast_interval_ms": 100, "timeout_ms": 200, "fall": 2, "rise": 2}


@pytest.fixture
def space():
    with Namespace() as made:
        yield made


@pytest.fixture
def pair():
    with Namespace() as left, Namespace() as right:
        cable(left, right)
        yield left, right


def client_in(space, host, port):
    any_host = "::" if ":" in host else "0.0.0.0"
    return Client(host, port, sock=space.udp_socket(any_host))


def start_in(space, balancer, directory, servers, **keys):
    daemon = start(directory, servers, prefix=space.prefix, **keys)
    balancer.adopt(daemon)
    return daemon


def test_server_without_a_route_is_down_and_no_reason_not_to_start(space, balancer, directory):
    row = {"address": "192.0.2.1", "name": "far"}
    daemon = start_in(space, balancer, directory, [row], health=FAST, workers=4)
    daemon.wait_server("far", "down")
    with client_in(space, "127.0.0.1", daemon.port) as client:
        reply = client.ask(m.query(edns=m.opt()))
    assert reply.rcode == m.SERVFAIL
    assert len(daemon.log.find("far", "Network is unreachable (see: ip route)")) == 1, "once, not by each worker"


def test_host_without_ipv6_skips_the_default_listener_with_a_notice(space, balancer, directory):
    space.sysctl("ipv6/conf/all/disable_ipv6", 1)
    with Stub(sockets=[space.udp_socket("127.0.0.1")]) as stub:
        text = config_text(**default_keys({"servers": [stub.address]}))
        daemon = Daemon(directory, text, port=53, prefix=space.prefix)
        balancer.adopt(daemon)
        assert daemon.log.wait("not listening on [::1]:53", "this host has no IPv6")
        with client_in(space, "127.0.0.1", 53) as client:
            assert client.ask(m.query()).rcode == m.NOERROR


def test_default_listeners_are_loopback_port_53_of_both_families(space, balancer, directory):
    with Stub(sockets=[space.udp_socket("127.0.0.1")]) as stub:
        text = config_text(**default_keys({"servers": [stub.address]}))
        balancer.adopt(Daemon(directory, text, port=53, prefix=space.prefix))
        for host in ("127.0.0.1", "::1"):
            with client_in(space, host, 53) as client:
                assert client.ask(m.query()).rcode == m.NOERROR


def test_written_listener_of_a_missing_family_is_an_error(space, directory):
    space.sysctl("ipv6/conf/all/disable_ipv6", 1)
    advice = r"this host has no IPv6: switch it on \(see: sysctl [a-z0-9_.]+\), or listen on IPv4 only"
    with pytest.raises(AssertionError, match=rf"listen\[0\]: cannot listen on \[::1\]:5399: .*: {advice}"):
        start(directory, ["127.0.0.1:5398"], listen=["[::1]:5399"], prefix=space.prefix)


@pytest.mark.parametrize("host", ["192.0.2.53", "[2001:db8::53]", "0.0.0.0"])
def test_public_listener_without_an_acl_is_warned_of(space, balancer, directory, host):
    """By the start and by -t, in the same words."""
    for address in ("192.0.2.53/32", "2001:db8::53/128"):
        space.run("ip", "addr", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    keys = {"listen": [f"{host}:5399"], "port": 5399}
    daemon = start_in(space, balancer, directory, ["127.0.0.1:5398"], **keys)
    said = f"warning: listening on the public address {host}:5399 without a written acl: only private"
    assert daemon.log.wait(said)
    checked = run("-t", "-c", directory / "dnsbal.5399.conf", prefix=space.prefix)
    assert checked.returncode == 0
    assert said in checked.stderr and "write an acl" in checked.stderr
    (told,) = (line.partition("warning: ")[2] for line in daemon.log.find(said))
    assert told in checked.stderr


@pytest.mark.parametrize("keys", [{"listen": ["10.0.0.53:5399"]}, {"acl": ["0.0.0.0/0"]}])
def test_private_listener_or_a_written_acl_is_no_reason_to_warn(space, directory, keys):
    keys = {"listen": ["192.0.2.53:5399"], **keys}
    path = directory / "test.conf"
    path.write_text(config_text(**default_keys({"servers": ["127.0.0.1:5398"], **keys})))
    path.chmod(0o644)
    checked = run("-t", "-c", path, prefix=space.prefix)
    assert "public address" not in checked.stderr and checked.returncode == 0


def test_ipv6_wildcard_answers_from_the_address_asked(space, balancer, directory):
    for i in range(1, 4):
        space.run("ip", "addr", "add", f"fd00::{i}/128", "dev", "lo", "nodad")
    with Stub(sockets=[space.udp_socket("::1")]) as stub:
        daemon = start_in(space, balancer, directory, [stub.address], listen=["[::]:5399"])
        for host in ("::1", "fd00::1", "fd00::3"):
            with client_in(space, host, 5399) as client:
                assert client.ask(m.query()).rcode == m.NOERROR
        assert daemon.counter("dropped_control") == 0


def test_server_with_a_scope_id(pair, balancer, directory):
    left, right = pair
    with Stub(sockets=[right.udp_socket("fe80::b%vb", 5301)]) as stub:
        daemon = start_in(left, balancer, directory, ["[fe80::b%va]:5301"])
        with client_in(left, "127.0.0.1", daemon.port) as client:
            assert client.ask(m.query()).rcode == m.NOERROR
        assert stub.queries[0].peer[0].startswith("fe80::a")


def test_listener_with_a_scope_id(pair, balancer, directory):
    left, right = pair
    with Stub(sockets=[left.udp_socket("127.0.0.1")]) as stub:
        start_in(left, balancer, directory, [stub.address], listen=["[fe80::a%va]:5399"])
        index = right.inside(lambda: socket.if_nametoindex("vb"))
        with client_in(right, "fe80::a", 5399) as client:
            client.target += (0, index)
            assert client.ask(m.query()).rcode == m.NOERROR


@pytest.mark.parametrize("host", ["192.0.2.2", "fd00::2"])
def test_servers_over_a_link(pair, balancer, directory, host):
    left, right = pair
    with Stub(sockets=[right.udp_socket(host, 5301)]) as stub:
        daemon = start_in(left, balancer, directory, [stub.address])
        with client_in(left, "127.0.0.1", daemon.port) as client:
            for n in range(20):
                assert client.ask_name(f"n{n}.example.test").rcode == m.NOERROR


def test_link_that_goes_away_costs_nothing_while_another_server_works(pair, balancer, directory):
    left, right = pair
    near = Stub(sockets=[left.udp_socket("127.0.0.1")])
    far = Stub(sockets=[right.udp_socket("192.0.2.2", 5301)])
    with near, far:
        rows = [far.row(name="far"), near.row(name="near")]
        daemon = start_in(
            left, balancer, directory, rows, policy="first-available", health=FAST, deadline_ms=1000
        )
        daemon.wait_server("far", "up")
        daemon.wait_server("near", "up")
        with client_in(left, "127.0.0.1", daemon.port) as client:
            client.ask_name("before.example.test")
            left.run("ip", "link", "set", "va", "down")
            daemon.wait_server("far", "down")
            for n in range(20):
                assert client.ask_name(f"n{n}.example.test").rcode == m.NOERROR
            left.run("ip", "link", "set", "va", "up")
            daemon.wait_server("far", "up")
            seen = len(far.queries)
            assert client.ask_name("again.example.test").rcode == m.NOERROR
            assert len(far.queries) == seen + 1


def test_address_that_changes_under_the_sockets_is_survived(pair, balancer, directory):
    """Connected sockets keep the old source address; they must be replaced, or nothing comes back."""
    left, right = pair
    with Stub(sockets=[right.udp_socket("192.0.2.2", 5301)]) as stub:
        keys = {"workers": 1, "upstream_sockets": 2, "deadline_ms": 300, "health": FAST}
        daemon = start_in(left, balancer, directory, [stub.row(name="far")], **keys)
        daemon.wait_server("far", "up")
        left.run("ip", "addr", "add", "192.0.2.7/24", "dev", "va")
        left.run("ip", "addr", "del", "192.0.2.1/24", "dev", "va")
        # The kernel takes secondary addresses along with their primary one.
        left.run("ip", "addr", "replace", "192.0.2.7/24", "dev", "va")
        with client_in(left, "127.0.0.1", daemon.port) as client:
            until(lambda: client.ask(m.query()).rcode == m.NOERROR, "an answer from the new source")
        daemon.wait_server("far", "up")


def test_no_permission_for_a_low_port(space, directory):
    space.sysctl("ipv4/ip_unprivileged_port_start", 1024)
    conf = directory / "low.conf"
    conf.write_text(config_text(listen=["127.0.0.1:53"], servers=["127.0.0.1:5398"]))
    conf.chmod(0o644)
    argv = [*space.prefix, "setpriv", "--reuid=65534", "--clear-groups", binary_for_anybody(directory)]
    done = subprocess.run(
        [*argv, "-c", str(conf)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert "cannot listen on 127.0.0.1:53" in done.stderr, done.stderr
