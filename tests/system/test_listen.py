# SPDX-License-Identifier: GPL-3.0-or-later
"""Where we listen, who may ask, and from which address the answer comes."""
import pytest
from harness import message as m
from harness.client import Client
from harness.daemon import Array
from harness.ports import free_port, has_ipv6

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this host")


def test_answer_comes_from_the_address_asked(balancer, stub):  # 15
    port = free_port()
    daemon = balancer([stub.address], host="127.0.1.19", port=port)
    assert daemon.ask(m.query()).rcode == m.NOERROR  # Client.receive checks the source


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.19", "127.8.7.6"])
def test_wildcard_answers_from_the_address_asked(balancer, stub, host):  # 15
    port = free_port()
    daemon = balancer([stub.address], port=port, listen=[f"0.0.0.0:{port}"])
    with Client(host, port) as client:
        assert client.ask(m.query()).rcode == m.NOERROR
        assert client.ask(m.query(opcode=2)).rcode == m.NOTIMP  # our own answer, too
    assert daemon.counter("dropped_control") == 0


@needs_ipv6
@pytest.mark.parametrize("listen", ["::1", "::"])
def test_ipv6_clients_are_served(balancer, stub, listen):
    port = free_port()
    balancer([stub.address], port=port, listen=[f"[{listen}]:{port}"])
    with Client("::1", port) as client:
        assert client.ask(m.query()).rcode == m.NOERROR


@needs_ipv6
def test_wildcards_of_both_families_share_a_port(balancer, stub):
    port = free_port()
    balancer([stub.address], port=port, listen=[f"0.0.0.0:{port}", f"[::]:{port}"])
    for host in ("127.0.0.1", "127.0.1.19", "::1"):
        with Client(host, port) as client:
            assert client.ask(m.query()).rcode == m.NOERROR


@needs_ipv6
def test_ipv6_server(balancer, stubs):
    stub = stubs(addresses=[("::1", 0)])
    daemon = balancer([stub.address])
    assert daemon.ask(m.query()).rcode == m.NOERROR
    assert stub.queries[0].peer[0] == "::1"


def test_source_address_of_a_server_is_used(balancer, stub):
    daemon = balancer([stub.row(source="127.0.0.77")])
    daemon.ask(m.query())
    assert stub.queries[0].peer[0] == "127.0.0.77"
    assert {probe.peer[0] for probe in stub.wait_probes(1)} == {"127.0.0.77"}


def test_source_that_is_not_ours_is_named(balancer, stub):
    daemon = balancer([stub.row(name="srv-one", source="192.0.2.99")])
    daemon.log.wait("server srv-one: no socket to it from its source 192.0.2.99: ")


def test_outside_the_acl_is_silence(balancer, stub):  # 13
    daemon = balancer([stub.forced()], acl=Array(["127.0.0.1/32"]), workers=1)
    with daemon.client(source=("127.0.0.2", 0)) as outside, daemon.client() as inside:
        for n in range(5):
            outside.send(m.query(f"n{n}.example.test"))
        outside.send(b"")
        outside.send(m.query(opcode=2))
        daemon.wait_counter("dropped_acl", 7)
        assert inside.ask_name("after.example.test").rcode == m.NOERROR
        assert outside.is_quiet()
    assert [q.name for q in stub.queries] == ["after.example.test."]
    assert len(daemon.log.find("127.0.0.2")) == 1, "one line a minute names the first source"


def test_acl_takes_the_longest_list_of_prefixes(balancer, stub):
    prefixes = [f"127.{i}.0.0/16" for i in range(0, 200, 2)]
    daemon = balancer([stub.forced()], acl=prefixes, workers=1)
    for i in (0, 2, 198):
        with daemon.client(source=(f"127.{i}.0.1", 0)) as client:
            assert client.ask(m.query()).rcode == m.NOERROR
    for n, i in enumerate((1, 3, 199, 200, 255)):
        with daemon.client(source=(f"127.{i}.0.1", 0)) as client:
            client.send(m.query())
            daemon.wait_counter("dropped_acl", n + 1)
            assert client.is_quiet()


@pytest.mark.parametrize("receivers", [2, 4])
def test_several_receivers_share_an_address(balancer, stub, receivers):
    port = free_port()
    rows = [{"address": f"127.0.0.1:{port}", "receivers": receivers}]
    daemon = balancer([stub.address], port=port, listen=rows, dispatch="queue")
    clients = [daemon.client() for _ in range(64)]  # the kernel spreads them by source port
    for n, client in enumerate(clients):
        client.send(m.query(f"n{n}.example.test"))
    for client in clients:
        assert m.View(client.receive()).rcode == m.NOERROR
    assert daemon.counter("queries") == 64


def test_many_listeners_at_once(balancer, stub):
    port = free_port()
    hosts = [f"127.0.3.{i}" for i in range(1, 33)]
    daemon = balancer([stub.address], port=port, listen=[f"{host}:{port}" for host in hosts])
    for host in hosts:
        with Client(host, port) as client:
            assert client.ask(m.query()).rcode == m.NOERROR
    assert daemon.counter("answered_server") == len(hosts)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers(balancer, stub, workers):
    daemon = balancer([stub.address], workers=workers)
    clients = [daemon.client() for _ in range(8)]
    for n in range(160):
        clients[n % 8].send(m.query(f"n{n}.example.test", qid=n))
    for client in clients:
        assert {m.View(data).rcode for data in client.gather(20)} == {m.NOERROR}
