# SPDX-License-Identifier: GPL-3.0-or-later
"""The balancers that are compared, each with its configuration as doc/benchmarks.md gives it.

To add one: a subclass of Peer with `words` (or `start`, where words do not do), and a row in PEERS."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import measure
from harness import daemon
from harness.wait import end_process

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def first_number(text):
    found = re.search(r"\d+\.[\d.]+\d", text)
    return found.group() if found else "?"


class Peer:
    """A balancer on `port` of 127.0.0.1 over the servers of a site, from `with` to its end."""

    program = ""  # its name or path
    version_argv = ("--version",)

    def __init__(self, label, **options):
        self.label, self.options = label, options
        self.process = None

    def find(self):
        """The program's path, None if it is not installed."""
        return shutil.which(self.program, path=PATH)

    def check(self, context):
        """"", or why it cannot be measured."""
        return "" if self.find() else f"{self.program} is not installed"

    def version(self):
        argv = [self.find(), *self.version_argv]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return f"{os.path.basename(self.program)} {first_number(done.stdout + done.stderr)}"

    def words(self, site, port, directory):
        """The command line, after writing the configuration."""
        raise NotImplementedError

    def start(self, site, port, directory, prefix):
        log = open(directory / "log", "wb")
        argv = [*prefix, *map(str, self.words(site, port, directory))]
        with log:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log)
        self.pid = self.process.pid

    def stop(self):
        self.process.stdin.close()
        end_process(self.process)

    def run(self, context, site, prefix=()):
        return Running(self, context, site, prefix)


class Running:
    """A started peer: where it listens, its processes, the load on it."""

    def __init__(self, peer, context, site, prefix):
        self.peer, self.port = peer, context.port
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="dnsbal-bench-"))
        self.directory.chmod(0o755)
        try:
            peer.start(site, self.port, self.directory, prefix)
            measure.wait_for_answer(self.port, peer.process, peer.label)
        except BaseException as err:
            log = self.directory / "log"
            text = log.read_text(errors="replace") if log.exists() else ""
            self.close()
            if isinstance(err, measure.Failed):
                raise measure.Failed(f"{err}\n{text[-2000:]}") from err
            raise
        self.pids = measure.tree(peer.pid)
        self.load = measure.Load(context.programs, self.port, site, self.pids)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.peer.process:
            self.peer.stop()
            self.peer.process = None
        shutil.rmtree(self.directory, ignore_errors=True)


class Dnsbal(Peer):
    """Its defaults, but for the keys of the row."""

    program = daemon.BINARY
    version_argv = ("-V",)

    def find(self):
        return self.program or None

    def with_keys(self, server=None, **keys):
        """The same with more keys, and keys of its servers."""
        merged = {**self.options.get("keys", {}), **keys}
        return Dnsbal(self.label, keys=merged, server=server or {})

    def keys(self, site, port):
        rows = [{"address": endpoint, **self.options.get("server", {})} for endpoint in site.endpoints]
        return {
            "listen": [f"127.0.0.1:{port}"],
            "servers": rows if self.options.get("server") else site.endpoints,
            **daemon.default_keys(self.options.get("keys", {})),
        }

    def check(self, context):
        """It is asked: an older one may not know a key."""
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)  # for the user that it becomes
            conf = pathlib.Path(directory) / "dnsbal.conf"
            keys = {"servers": ["127.10.0.1"], **daemon.default_keys(self.options.get("keys", {}))}
            conf.write_text(daemon.config_text(**keys))
            done = daemon.run("-t", "-c", conf)
        text = (done.stderr + done.stdout).strip().replace(f"{conf}:", "line ")
        return "" if done.returncode == 0 else text

    def start(self, site, port, directory, prefix):
        text = daemon.config_text(**self.keys(site, port))
        self.daemon = daemon.Daemon(directory, text, port=port, prefix=prefix)
        self.process, self.pid = self.daemon.process, self.daemon.pid

    def counters(self):
        return self.daemon.counters()["counters"]

    def stop(self):
        self.daemon.stop()


class Relay(Peer):
    """The yardstick; sockets and workers are dnsbal's."""

    program = "relay"

    def check(self, context):
        self.program = str(context.programs / "relay")
        return ""

    def version(self):
        return "relay"

    def words(self, site, port, _directory):
        argv = ["-l", port, "-p", site.port, "-n", site.n, *self.options.get("argv", [])]
        return [self.program, *argv]


DNSDIST = """setSecurityPollSuffix("")
{listen}
{servers}
{lines}
"""


class Dnsdist(Peer):
    program = "dnsdist"

    def find(self):
        return self.options.get("program") or super().find()

    def words(self, site, port, directory):
        listen = self.options.get("listen", 'setLocal("127.0.0.1:{port}")').format(port=port)
        servers = "\n".join(f'newServer("{endpoint}")' for endpoint in site.endpoints)
        lines = self.options.get("lines", "")
        conf = directory / "dnsdist.conf"
        conf.write_text(DNSDIST.format(listen=listen, servers=servers, lines=lines))
        return [self.find(), "--supervised", "--disable-syslog", "-C", conf]


NGINX = """load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
worker_processes 2;
worker_rlimit_nofile 16384;
pid {directory}/pid;
error_log stderr error;
events {{ worker_connections 8192; }}
stream {{
	upstream servers {{
{servers}
	}}
	server {{
		listen 127.0.0.1:{port} udp reuseport;
		proxy_pass servers;
		proxy_responses 1;
		proxy_timeout 5s;
	}}
}}
"""


class Nginx(Peer):
    program = "nginx"
    version_argv = ("-v",)

    def check(self, context):
        if not os.path.exists("/usr/lib/nginx/modules/ngx_stream_module.so"):
            return "nginx with its stream module is not installed"
        return super().check(context)

    def words(self, site, port, directory):
        servers = "\n".join(f"\t\tserver {endpoint};" for endpoint in site.endpoints)
        conf = directory / "nginx.conf"
        conf.write_text(NGINX.format(directory=directory, servers=servers, port=port))
        return [self.find(), "-c", conf, "-e", "stderr"]


UNBOUND = """server:
	directory: "{directory}"
	chroot: ""
	username: ""
	pidfile: ""
	use-syslog: no
	do-daemonize: no
	interface: 127.0.0.1@{port}
	access-control: 127.0.0.0/8 allow
	num-threads: 2
	so-reuseport: yes
	module-config: "iterator"
	cache-max-ttl: 0
	cache-max-negative-ttl: 0
	do-not-query-localhost: no
	minimal-responses: yes
remote-control:
	control-enable: no
forward-zone:
	name: "."
{servers}
"""


class Unbound(Peer):
    program = "unbound"
    version_argv = ("-V",)

    def words(self, site, port, directory):
        servers = "\n".join(f"\tforward-addr: {a}@{site.port}" for a in site.addresses)
        conf = directory / "unbound.conf"
        conf.write_text(UNBOUND.format(directory=directory, servers=servers, port=port))
        return [self.find(), "-d", "-c", conf]


class Dnsmasq(Peer):
    program = "dnsmasq"

    def words(self, site, port, directory):
        conf = directory / "dnsmasq.conf"
        lines = [f"port={port}", "listen-address=127.0.0.1", "bind-interfaces", "no-resolv", "no-hosts"]
        lines += ["cache-size=0", "dns-forward-max=10000", "user=root", "pid-file"]
        lines += [f"server={address}#{site.port}" for address in site.addresses]
        conf.write_text("\n".join(lines) + "\n")
        return [self.find(), "--keep-in-foreground", f"--conf-file={conf}"]


TUNED = {
    "listen": 'setLocal("127.0.0.1:{port}", {{reusePort=true}})\naddLocal("127.0.0.1:{port}", {{reusePort=true}})',
    "lines": "setUDPMultipleMessagesVectorSize(64)",
}
DIRECT = {"dispatch": "direct"}
GSO = {"udp_gso": True}


def all_peers():
    """{name: peer}, in the order of the tables."""
    rows = {
        "queue": Dnsbal("dnsbal, queue"),
        "direct": Dnsbal("dnsbal, direct", keys=DIRECT),
        "queue-gso": Dnsbal("dnsbal, queue, udp_gso", keys=GSO),
        "direct-gso": Dnsbal("dnsbal, direct, udp_gso", keys={**DIRECT, **GSO}),
        "direct-1": Dnsbal("dnsbal, direct, one worker", keys={**DIRECT, "workers": 1}),
        "dnsdist": Dnsdist("dnsdist"),
        "dnsdist-tuned": Dnsdist("dnsdist, tuned", **TUNED),
        "nginx": Nginx("nginx stream"),
        "unbound": Unbound("unbound"),
        "dnsmasq": Dnsmasq("dnsmasq"),
        "relay-queue": Relay("blind relay, queue"),
        "relay-direct": Relay("blind relay, direct", argv=["-d"]),
    }
    other = os.environ.get("DNSDIST")
    if other:
        rows["other"] = Dnsdist("other dnsdist", program=other)
        rows["other-tuned"] = Dnsdist("other dnsdist, tuned", program=other, **TUNED)
    return rows
