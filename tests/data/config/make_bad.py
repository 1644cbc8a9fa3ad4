#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the broken configurations of bad/ and the doubtful ones of warned/, each opening with what
must be said about it.

To add one: a call of bad() or warned() below, then run this from anywhere. A line `# expect: LINE: TEXT` at the
head of a file stands for one message with that line and that text in it (LINE 0: no line, which is for the count of those untold alone); a file
gets the messages it expects and no others. Lines in the calls count from the body's first.
"""
import pathlib

FOLDER = pathlib.Path(__file__).parent
GOOD = 'servers = "192.0.2.1";\n'
made = {}


class Part(int):
    """A line of an included file."""


def bad(name, body, *expected):
    """expected: (line, text); line 0 for the count of those untold."""
    make("bad", name, body, expected)


def warned(name, body, *expected):
    """A good file, and the warnings it gets; as bad()."""
    make("warned", name, body, [(line, "warning: " + text) for line, text in expected])


def make(folder, name, body, expected):
    name = f"{folder}/{name}"
    assert name not in made, name
    assert expected, name
    if isinstance(body, str):
        body = body.encode()
    head = len(expected)
    lines = [f"# expect: {line + head if line and not isinstance(line, Part) else int(line)}: {text}\n".encode() for line, text in expected]
    made[name] = b"".join(lines) + body


def group(key, value):
    """The text that sets a key as health.fall."""
    if "." not in key:
        return f"{key} = {value};\n"
    name, member = key.split(".")
    return f"{name} = {{ {member} = {value}; }};\n"


# Ranges: just outside, and far.

RANGES = {
    "attempts": (1, 3),
    "attempt_timeout_ms": (10, 60000),
    "deadline_ms": (100, 60000),
    "retry.budget_percent": (0, 100),
    "hedge.percent": (0, 50),
    "health.interval_ms": (100, 3600000),
    "health.fast_interval_ms": (50, 3600000),
    "health.timeout_ms": (50, 60000),
    "health.fall": (1, 100),
    "health.rise": (1, 100),
    "eject.consecutive_timeouts": (0, 1000),
    "eject.base_ms": (100, 300000),
    "eject.max_percent": (0, 100),
    "slow_start_ms": (0, 3600000),
    "panic_percent": (0, 100),
    "workers": (0, 256),
    "queue.capacity": (64, 1048576),
    "queue.target_ms": (1, 1000),
    "queue.interval_ms": (10, 10000),
    "upstream_sockets": (0, 1024),
    "pending_max": (64, 4194304),
    "udp_reply_max": (512, 65535),
}
for key, (low, high) in RANGES.items():
    file = key.replace(".", "-")
    for what, value in (("low", low - 1), ("high", high + 1), ("negative", -2147483648)):
        bad(f"{file}-{what}", GOOD + group(key, value), (2, f"{key}: {value} is outside {low}..{high}"))
    bad(f"{file}-string", GOOD + group(key, f'"{low}"'), (2, f'{key}: expected an integer, found the string "{low}"'))
    bad(f"{file}-fraction", GOOD + group(key, f"{low}.5"), (2, f"{key}: expected an integer, found the fraction"))

bad("load-factor-low", GOOD + "hash = { load_factor = 0.99; };\n", (2, "hash.load_factor: 0.99 is outside 1.0..10.0"))
bad("load-factor-high", GOOD + "hash = { load_factor = 11; };\n", (2, "hash.load_factor: 11 is outside 1.0..10.0"))
bad("load-factor-infinite", GOOD + "hash = { load_factor = 1e999; };\n", (2, "hash.load_factor: inf is outside"))
bad("load-factor-string", GOOD + 'hash = { load_factor = "1.25"; };\n', (2, "hash.load_factor: expected a number"))

SERVER = 'servers = (\n\t{ address = "192.0.2.1"; %s }\n);\n'
for key, high in (("weight", 1000), ("max_outstanding", 1000000)):
    for what, value in (("zero", 0), ("high", high + 1), ("negative", -1)):
        bad(f"server-{key}-{what}", SERVER % f"{key} = {value};", (2, f"servers[0].{key}: {value} is outside 1..{high}"))
    bad(f"server-{key}-string", SERVER % f'{key} = "2";', (2, f"servers[0].{key}: expected an integer"))
for what, value in (("high", 16), ("negative", -1), ("far", 2147483647)):
    bad(f"server-tier-{what}", SERVER % f"tier = {value};", (2, f"servers[0].tier: {value} is outside 0..15"))
for what, value in (("string", '"0"'), ("fraction", "0.5"), ("boolean", "true"), ("list", "[ 0, 1 ]")):
    bad(f"server-tier-{what}", SERVER % f"tier = {value};", (2, "servers[0].tier: expected an integer, found"))
for key in ("interval_ms", "fast_interval_ms", "timeout_ms", "fall", "rise"):
    low, high = RANGES[f"health.{key}"]
    for what, value in (("low", low - 1), ("high", high + 1)):
        bad(f"server-health-{key}-{what}", SERVER % f"health = {{ {key} = {value}; }};", (2, f"servers[0].health.{key}: {value} is outside {low}..{high}"))
bad("server-health-mode-near", SERVER % 'health = { mode = "actve"; };', (2, 'servers[0].health.mode: expected one of active|off, found "actve"; did you mean "active"?'))
bad("server-health-key-near", SERVER % "health = { fal = 3; };", (2, 'servers[0].health.fal: unknown key; did you mean "fall"?'))
bad("server-health-key-outside", SERVER % "rise = 3;", (2, "servers[0].rise: unknown key here; it belongs into health = { }"))
bad("server-health-no-group", SERVER % "health = 3;", (2, "servers[0].health: expected a group { KEY = VALUE; ... }, found the integer 3"))
bad("server-health-qname", SERVER % 'health = { qname = "a..b"; };', (2, 'servers[0].health.qname: "a..b" is not a domain name'))
bad("server-health-qname-integer", SERVER % "health = { qname = 1; };", (2, "servers[0].health.qname: expected a string, found the integer 1"))
bad("server-health-qtype", SERVER % 'health = { qtype = "ANY"; };', (2, 'servers[0].health.qtype: expected a record type as "NS" or "TYPE65280", found "ANY", which stands in queries only'))
bad("server-health-reject", SERVER % 'health = { reject = [ "REFUSE" ]; };', (2, 'servers[0].health.reject[0]: expected the name of an rcode, found "REFUSE"; did you mean "REFUSED"?'))
bad("server-health-twice", SERVER % "health = { fall = 1; }; health = { rise = 1; };", (2, "health: given twice"))
bad("server-health-fast-slower", SERVER % "health = {\n\tinterval_ms = 300;\n\tfast_interval_ms = 301; };",
    (4, "servers[0].health.fast_interval_ms: 301 is more than servers[0].health.interval_ms, 300: lower it, or raise that"))
bad("server-health-fast-slower-than-all", SERVER % "health = { fast_interval_ms = 900; };" + "health = { interval_ms = 800; };\n",
    (2, "servers[0].health.fast_interval_ms: 900 is more than health.interval_ms, 800: lower it, or raise that"))
bad("server-health-of-bad-health", SERVER % "health = { fall = 2; };" + 'health = { qname = "a..b"; };\n', (4, 'health.qname: "a..b" is not a domain name'))
for value in (0, 65, -1):
    bad(f"receivers-{value}", GOOD + f'listen = ( {{ address = "127.0.0.1"; receivers = {value}; }} );\n',
        (2, f"listen[0].receivers: {value} is outside 1..64"))
bad("dispatch-direct-receivers", GOOD + 'dispatch = "direct";\nlisten = ( { address = "127.0.0.1:5300"; receivers = 2; } );\n',
    (3, 'listen[0]: receivers are for dispatch = "queue"'))

# Words.

WORDS = {
    "policy": ("p2c|least-outstanding|round-robin|random|first-available|hash|client-hash", "round-robbin", "round-robin"),
    "dispatch": ("queue|direct", "diract", "direct"),
    "on_failure": ("servfail|drop", "servfial", "servfail"),
    "on_overload": ("drop|servfail|refused", "refuse", "refused"),
    "health.mode": ("active|off", "actve", "active"),
    "latency": ("off|on", "onn", "on"),
    "log.level": ("error|warning|notice|info|debug", "warn1ng", "warning"),
    "log.destination": ("stderr|syslog|journal", "journald", "journal"),
    "log.format": ("text|json", "jsn", "json"),
}
for key, (all_of_them, near, meant) in WORDS.items():
    file = key.replace(".", "-")
    bad(f"{file}-near", GOOD + group(key, f'"{near}"'),
        (2, f'{key}: expected one of {all_of_them}, found "{near}"; did you mean "{meant}"?'))
    bad(f"{file}-other", GOOD + group(key, '"wibblewobble"'), (2, f'{key}: expected one of {all_of_them}, found "wibblewobble"'))
    bad(f"{file}-integer", GOOD + group(key, "1"), (2, f"{key}: expected a string, found the integer 1"))
    bad(f"{file}-boolean", GOOD + group(key, "true"), (2, f"{key}: expected a string, found true"))
    bad(f"{file}-unquoted", GOOD + group(key, meant), (2, f'words stand in quotes: "{meant}"'))
bad("policy-case", GOOD + 'policy = "P2C";\n', (2, 'found "P2C"; did you mean "p2c"?'))
bad("policy-begun", GOOD + 'policy = "Round";\n', (2, 'found "Round"; did you mean "round-robin"?'))
bad("policy-begun-too-short", GOOD + 'policy = "ro";\n', (2, 'found "ro"'))
bad("log-level-begun", GOOD + 'log = { level = "warn"; };\n', (2, 'found "warn"; did you mean "warning"?'))
bad("log-level-case", GOOD + 'log = { level = "WRANING"; };\n', (2, 'found "WRANING"; did you mean "warning"?'))
bad("policy-empty", GOOD + 'policy = "";\n', (2, 'found ""'))
bad("policy-control-bytes", GOOD + 'policy = "\x1b[31m\u00e9";\n', (2, r'found "\027[31m\195\169"'))
bad("policy-long", GOOD + f'policy = "{"x" * 5000}";\n', (2, 'xxx..."'))
bad("server-state", SERVER % 'state = "dwon";', (2, 'servers[0].state: expected one of auto|up|down|drain, found "dwon"; did you mean "down"?'))
bad("server-state-drain-near", SERVER % 'state = "drained";', (2, 'servers[0].state: expected one of auto|up|down|drain, found "drained"; did you mean "drain"?'))
bad("server-state-boolean", SERVER % "state = true;", (2, "servers[0].state: expected a string, found true"))
bad("latency-true", GOOD + 'latency = "true";\n', (2, 'latency: expected one of off|on, found "true"'))
bad("latency-case", GOOD + 'latency = "ON";\n', (2, 'latency: expected one of off|on, found "ON"; did you mean "on"?'))

# Sets of words.

CAUSES = "expected one of timeout|unreachable|servfail|refused, found"


def retry(name, value, *expected):
    bad(f"retry-on-{name}", GOOD + f"retry = {{ on = {value}; }};\n", *[(2, f"retry.on{text}") for text in expected])


retry("near", '[ "timeout", "servfial" ]', f'[1]: {CAUSES} "servfial"; did you mean "servfail"?')
retry("near-bare", '"timeouts"', f': {CAUSES} "timeouts"; did you mean "timeout"?')
retry("near-list", '( "unreachble" )', f'[0]: {CAUSES} "unreachble"; did you mean "unreachable"?')
retry("begun", '"unreach"', f': {CAUSES} "unreach"; did you mean "unreachable"?')
retry("case", '[ "REFUSED" ]', f'[0]: {CAUSES} "REFUSED"; did you mean "refused"?')
retry("other", '[ "wibblewobble" ]', f'[0]: {CAUSES} "wibblewobble"')
retry("rcode", '[ "servfail", "notimp" ]', f'[1]: {CAUSES} "notimp"')
retry("empty-word", '[ "" ]', f'[0]: {CAUSES} ""')
retry("control-bytes", '[ "\x1b[31m" ]', rf'[0]: {CAUSES} "\027[31m"')
retry("two-unknown", '[ "never", "refused", "always" ]', f'[0]: {CAUSES} "never"', f'[2]: {CAUSES} "always"')
retry("comma-in-word", '"timeout, servfail"', f': {CAUSES} "timeout, servfail"')
retry("twice", '[ "timeout", "servfail", "timeout" ]', '[2]: "timeout" is there already')
retry("thrice", '( "refused", "refused", "refused" )', '[1]: "refused" is there already', '[2]: "refused" is there already')
retry("many", '[ "timeout", "timeout", "timeout", "timeout", "timeout" ]', ": 5 elements; expected 0..4 of timeout|unreachable|servfail|refused")
retry("integer", "1", ": expected strings in [ ] or ( ), or one string, found the integer 1")
retry("boolean", "false", ": expected strings in [ ] or ( ), or one string, found false")
retry("group", "{ timeout = true; }", ": expected strings in [ ] or ( ), or one string, found a group { }")
retry("integers", "[ 1, 2 ]", "[0]: expected a word in quotes, found the integer 1", "[1]: expected a word in quotes, found the integer 2")
retry("group-in-list", '( "timeout", { } )', "[1]: expected a word in quotes, found a group { }")
retry("list-in-list", '( ( "timeout" ) )', "[0]: expected a word in quotes, found a list ( )")
bad("retry-on-mixed", GOOD + 'retry = { on = [ "timeout", 4 ]; };\n', (2, "retry.on: all elements of [ ] must be of one kind: strings in quotes"))
bad("retry-on-unquoted", GOOD + "retry = { on = timeout; };\n", (2, 'words stand in quotes: "timeout"'))
bad("retry-on-unquoted-list", GOOD + "retry = { on = [ timeout, refused ]; };\n", (2, 'words stand in quotes: "timeout"'))
bad("retry-on-trailing-comma", GOOD + 'retry = { on = [ "timeout", ]; };\n', (2, "a trailing comma: nothing follows it before ]"))
bad("retry-on-missing-comma", GOOD + 'retry = { on = [ "timeout" "refused" ]; };\n', (2, "two strings side by side: is a comma missing?"))
bad("percent-sign", GOOD + "hedge = { percent = 5%; };\n", (2, "5% is not a number"))
bad("unit-of-slow-start", GOOD + "slow_start_ms = 30s;\n", (2, "30s is not a number (units are not written)"))

# Other types.

for what, value, shown in (("string", '"true"', 'the string "true"'), ("integer", "1", "the integer 1"), ("group", "{ }", "a group { }")):
    bad(f"case-randomize-{what}", GOOD + f"case_randomize = {value};\n", (2, f"case_randomize: expected true or false, found {shown}"))
for word, meant in (("yes", "true"), ("On", "true"), ("no", "false"), ("OFF", "false")):
    bad(f"case-randomize-{word.lower()}", GOOD + f"case_randomize = {word};\n", (2, f'words stand in quotes: "{word}", or {meant} without'))
bad("case-randomize-one", GOOD + "case_randomize = one;\n", (2, 'words stand in quotes: "one", in: case_randomize'))
bad("user-integer", GOOD + "user = 65534;\n", (2, "user: expected a string, found the integer 65534"))
bad("user-empty", GOOD + 'user = "";\n', (2, "user: a string of 0 bytes; expected 1..32 bytes"))
bad("user-long", GOOD + f'user = "{"u" * 33}";\n', (2, "user: a string of 33 bytes; expected 1..32 bytes"))
bad("seed-empty", GOOD + 'hash = { seed = ""; };\n', (2, "hash.seed: a string of 0 bytes"))
bad("seed-long", GOOD + f'hash = {{ seed = "{"s" * 256}"; }};\n', (2, "hash.seed: a string of 256 bytes; expected 1..255 bytes"))
bad("seed-integer", GOOD + "hash = { seed = 42; };\n", (2, "hash.seed: expected a string"))
for name, value in (("health", "1"), ("log", '"info"'), ("queue", "8192"), ("hash", "( )"), ("health-array", "[ ]"),
                    ("retry", "3"), ("retry-array", '[ "timeout" ]'), ("retry-off", "false"), ("hedge", "5"), ("hedge-string", '"on"'), ("eject", "( )"), ("eject-off", '"off"')):
    key = name.split("-")[0]
    bad(f"group-{name}", GOOD + f"{key} = {value};\n", (2, f"{key}: expected a group {{ KEY = VALUE; ... }}"))
bad("workers-list", GOOD + "workers = ( 4 );\n", (2, "workers: expected an integer, found a list ( )"))
bad("workers-array", GOOD + "workers = [ 4 ];\n", (2, "workers: expected an integer, found a list [ ]"))
bad("workers-group", GOOD + "workers = { n = 4; };\n", (2, "workers: expected an integer, found a group"))
bad("workers-boolean", GOOD + "workers = false;\n", (2, "workers: expected an integer, found false"))

# Probes.

for what, name in (("empty-label", "a..b"), ("long-label", "x" * 64 + ".test"), ("long", ".".join(["x" * 60] * 5)), ("escape", "a\\\\999.test")):
    bad(f"qname-{what}", GOOD + f'health = {{ qname = "{name}"; }};\n', (2, "health.qname: "))
bad("qname-empty", GOOD + 'health = { qname = ""; };\n', (2, "health.qname: a string of 0 bytes"))
bad("qname-integer", GOOD + "health = { qname = 1; };\n", (2, "health.qname: expected a string"))
bad("qtype-near", GOOD + 'health = { qtype = "AAA"; };\n', (2, 'health.qtype: expected a record type as "NS" or "TYPE65280", found "AAA"; did you mean "A'))
for what, qtype in (("zero", "TYPE0"), ("high", "TYPE65536"), ("bare", "TYPE"), ("negative", "TYPE-1"), ("empty", "")):
    bad(f"qtype-{what}", GOOD + f'health = {{ qtype = "{qtype}"; }};\n', (2, "health.qtype: expected a record type"))
for what, qtype in (("any", "ANY"), ("axfr", "axfr"), ("meta", "TYPE128"), ("any-number", "TYPE255")):
    bad(f"qtype-{what}", GOOD + f'health = {{ qtype = "{qtype}"; }};\n', (2, f'found "{qtype}", which stands in queries only'))
bad("qtype-integer", GOOD + "health = { qtype = 2; };\n", (2, "health.qtype: expected a string, found the integer 2"))
bad("reject-near", GOOD + 'health = { reject = [ "SERVFAIL", "REFUSE" ]; };\n', (2, 'health.reject[1]: expected the name of an rcode, found "REFUSE"; did you mean "REFUSED"?'))
bad("reject-integer", GOOD + "health = { reject = [ 2 ]; };\n", (2, "health.reject[0]: expected the name of an rcode in quotes, found the integer 2"))
bad("reject-bare-integer", GOOD + "health = { reject = 2; };\n", (2, "health.reject: expected strings in [ ] or ( ), or one string"))
bad("reject-group", GOOD + "health = { reject = ( { } ); };\n", (2, "health.reject[0]: expected the name of an rcode"))
bad("reject-many", GOOD + f'health = {{ reject = [ {", ".join([chr(34) + "REFUSED" + chr(34)] * 17)} ]; }};\n', (2, "health.reject: 17 elements; expected 0..16 of them"))
bad("health-fast-slower", GOOD + "health = {\n\tinterval_ms = 500;\n\tfast_interval_ms = 501;\n};\n", (4, "health.fast_interval_ms: 501 is more than health.interval_ms, 500: lower it, or raise that"))

# Sockets.

TWO = 'servers = [ "192.0.2.1", "192.0.2.2" ];\n'
bad("sockets-of-workers", TWO + "workers = 16;\nupstream_sockets = 1024;\n", (3, "upstream_sockets: 1024 for each of 2 servers and 16 workers are 32768 sockets, and 20000 are allowed: expected at most 625"))
bad("sockets-of-one-worker", "servers = (\n" + ",\n".join(f'"192.0.2.{i}"' for i in range(1, 31)) + " );\nupstream_sockets = 1000;\n", (32, "upstream_sockets: 1000 for each of 30 servers and 1 worker are"))
bad("workers-of-many-servers", "workers = 256;\nservers = (\n" + ",\n".join(f'"192.0.2.{i}"' for i in range(1, 101)) + " );\n", (1, "workers: 256 with 100 servers need 25600 sockets, one for each pair, and 20000 are allowed: expected at most 200"))

# Attempts, and servers that nobody may ask.

bad("attempt-timeout-over-deadline", GOOD + "deadline_ms = 2000;\nattempt_timeout_ms = 2001;\n", (3, "attempt_timeout_ms: 2001 is more than deadline_ms, 2000: lower it, or raise that"))
bad("attempt-timeout-over-default-deadline", GOOD + "attempt_timeout_ms = 3001;\n", (2, "attempt_timeout_ms: 3001 is more than deadline_ms, 3000"))
bad("attempt-timeout-over-short-deadline", GOOD + "attempt_timeout_ms = 750;\ndeadline_ms = 500;\n", (2, "attempt_timeout_ms: 750 is more than deadline_ms, 500"))
bad("attempt-timeout-of-one-over-deadline", GOOD + "attempts = 1;\nattempt_timeout_ms = 60000;\n", (3, "attempt_timeout_ms: 60000 is more than deadline_ms, 3000"))
bad("attempt-timeout-and-deadline-unread", GOOD + "attempt_timeout_ms = 4000;\ndeadline_ms = 99;\n", (2, "attempt_timeout_ms: 4000 is more than deadline_ms, 3000"), (3, "deadline_ms: 99 is outside"))
HEDGE = "a hedge is a second attempt, and attempts is 1: raise attempts to 2 or 3, or set hedge.percent to 0"
bad("hedge-one-attempt", GOOD + "attempts = 1;\nhedge = {\n\tpercent = 5;\n};\n", (4, f"hedge.percent: 5, but {HEDGE}"))
bad("hedge-one-attempt-behind", GOOD + "hedge = { percent = 50; };\nattempts = 1;\n", (2, f"hedge.percent: 50, but {HEDGE}"))
WHO = "servers: the state of every server is drain or down: who shall be asked?"
bad("drain-the-only", SERVER % 'state = "drain";', (2, WHO))
bad("drain-all", 'servers = (\n\t{ address = "192.0.2.1"; state = "drain"; },\n\t{ address = "192.0.2.2"; state = "drain"; tier = 1; }\n);\n', (2, WHO))
bad("drain-and-down", 'servers = (\n\t{ address = "192.0.2.1"; state = "down"; },\n\t{ address = "192.0.2.2"; state = "drain"; }\n);\n', (2, WHO))
bad("drain-and-bad-tier", 'servers = (\n\t{ address = "192.0.2.1"; state = "drain"; tier = 16; }\n);\n', (2, "servers[0].tier: 16 is outside 0..15"), (2, WHO))
bad("no-warning-beside-an-error", GOOD + 'policy = "hash";\nlatency = "on";\nattempt_timeout_ms = 3000;\nattempts = 4;\n', (5, "attempts: 4 is outside 1..3"))

NEVER = "attempt_timeout_ms: after silence attempt"
warned("attempts-last-at-deadline", GOOD + "attempt_timeout_ms = 1500;\n", (2, f"{NEVER} 3 is never made: it would begin after 3000 ms, and deadline_ms is 3000; set attempt_timeout_ms to 1000 or less, or attempts to 2"))
warned("attempts-last-behind-deadline", GOOD + "attempts = 3;\ndeadline_ms = 1000;\nattempt_timeout_ms = 750;\n", (4, f"{NEVER} 3 is never made: it would begin after 1500 ms, and deadline_ms is 1000; set attempt_timeout_ms to 333 or less, or attempts to 2"))
warned("attempts-two-at-deadline", GOOD + "attempts = 2;\nattempt_timeout_ms = 3000;\n", (3, f"{NEVER} 2 is never made: it would begin after 3000 ms, and deadline_ms is 3000; set attempt_timeout_ms to 1500 or less, or attempts to 1"))
for policy in ("hash", "client-hash", "first-available"):
    warned(f"latency-{policy}", GOOD + f'policy = "{policy}";\nlatency = "on";\n', (3, f'latency: "on" has no effect with the policy {policy}, which does not draw by weight'))
warned("all-down", 'servers = (\n\t{ address = "192.0.2.1"; state = "down"; },\n\t{ address = "192.0.2.2"; state = "down"; }\n);\n', (2, "servers: the state of every server is down: no query will be answered"))
warned("two", SERVER % 'state = "down";' + 'latency = "on";\npolicy = "hash";\n', (2, "servers: the state of every server is down"), (4, 'latency: "on" has no effect'))
warned("in-an-included-file", GOOD + '@include "../parts/latency.inc"\nlatency = "on";\n', (3, "latency: "))

# Unknown keys, also those that other versions have.

for key, meant in (
    ("serverz", "servers"), ("server", "servers"), ("lsiten", "listen"), ("listne", "listen"), ("polcy", "policy"), ("wrokers", "workers"),
    ("deadline", "deadline_ms"), ("POLICY", "policy"), ("DeadLine_MS", "deadline_ms"), ("deadline_sm", "deadline_ms"), ("heatlh", "health"), ("logs", "log"), ("queues", "queue"), ("on_faliure", "on_failure"),
    ("pending-max", "pending_max"), ("ac", "acl"), ("Workers", "workers"), ("usr", "user"),
    ("attemps", "attempts"), ("attempt_timeout", "attempt_timeout_ms"), ("retrys", "retry"), ("hegde", "hedge"), ("ejects", "eject"),
    ("slow_start", "slow_start_ms"), ("slowstart_ms", "slow_start_ms"), ("panic", "panic_percent"), ("latncy", "latency"),
):
    bad(f"unknown-{key}", GOOD + f"{key} = 1;\n", (2, f'{key}: unknown key{f"; did you mean {chr(34)}{meant}{chr(34)}?" if meant else ""}'))
for key in ("control", "metrics", "wibble", "x", "*"):
    file = key if key != "*" else "star"
    bad(f"unknown-{file}", GOOD + f"{key} = 1;\n", (2, f"{key}: unknown key"))
for key, home in (("level", "log"), ("qname", "health"), ("seed", "hash"), ("capacity", "queue"), ("fall", "health"),
                  ("on", "retry"), ("budget_percent", "retry"), ("percent", "hedge"), ("base_ms", "eject"), ("max_percent", "eject"), ("consecutive_timeouts", "eject")):
    bad(f"misplaced-{key}", GOOD + f'{key} = "x";\n', (2, f"{key}: unknown key here; it belongs into {home} = {{ }}"))
bad("unknown-in-health", GOOD + "health = { fal = 3; };\n", (2, 'health.fal: unknown key; did you mean "fall"?'))
bad("unknown-in-log", GOOD + 'log = { lvl = "info"; };\n', (2, "log.lvl: unknown key"))
bad("unknown-in-hash", GOOD + 'hash = { sed = "info"; };\n', (2, 'hash.sed: unknown key; did you mean "seed"?'))
bad("unknown-in-queue", GOOD + "queue = { target = 5; };\n", (2, 'queue.target: unknown key; did you mean "target_ms"?'))
bad("unknown-in-server", SERVER % "wieght = 1;", (2, 'servers[0].wieght: unknown key; did you mean "weight"?'))
bad("unknown-in-server-teir", SERVER % "teir = 1;", (2, 'servers[0].teir: unknown key; did you mean "tier"?'))
bad("unknown-in-server-attempts", SERVER % "attempts = 1;", (2, "servers[0].attempts: unknown key"))
bad("unknown-in-retry", GOOD + "retry = { budget = 20; };\n", (2, 'retry.budget: unknown key; did you mean "budget_percent"?'))
bad("unknown-in-retry-attempts", GOOD + "retry = { attempts = 2; };\n", (2, "retry.attempts: unknown key"))
bad("unknown-in-hedge", GOOD + "hedge = { precent = 5; };\n", (2, 'hedge.precent: unknown key; did you mean "percent"?'))
bad("unknown-in-hedge-delay", GOOD + "hedge = { percent = 5; delay_ms = 10; };\n", (2, "hedge.delay_ms: unknown key"))
bad("unknown-in-eject", GOOD + "eject = { base = 5000; };\n", (2, 'eject.base: unknown key; did you mean "base_ms"?'))
bad("unknown-in-eject-timeouts", GOOD + "eject = { consecutive_timeout = 5; };\n", (2, 'eject.consecutive_timeout: unknown key; did you mean "consecutive_timeouts"?'))
bad("unknown-hedge_percent", GOOD + "hedge_percent = 5;\n", (2, "hedge_percent: unknown key"))
bad("tier-outside", GOOD + "tier = 1;\n", (2, "tier: unknown key"))
bad("unknown-in-listen", GOOD + 'listen = ( { address = "127.0.0.1"; recievers = 1; } );\n', (2, 'listen[0].recievers: unknown key; did you mean "receivers"?'))
bad("unknown-long", GOOD + f'{"k" * 4000} = 1;\n', (2, "kkk...: unknown key"))
bad("unknown-nested", GOOD + "health = { fall = { x = 1; }; };\n", (2, "health.fall: expected an integer, found a group"))

# What must be there.

bad("empty", "\n", (1, "servers: missing, and it has no default"))
bad("comment-only", "# nothing\n/* at\nall */\n// here\n", (4, "servers: missing"))
bad("servers-missing", "workers = 1;\n", (1, 'servers: missing, and it has no default: The DNS servers to balance over; the only key that must be given. Write: servers = "192.0.2.1";'))
bad("servers-missing-no-newline", "workers = 1;\n# end", (2, "servers: missing"))
bad("servers-missing-blank-end", "workers = 1;\n\n", (2, "servers: missing"))
bad("servers-missing-include", 'workers = 1;\n@include "../parts/log.inc"\n', (2, "servers: missing"))
for what, text in (("list", "( )"), ("array", "[ ]")):
    bad(f"servers-empty-{what}", f"servers = {text};\n", (1, "servers: 0 elements; expected 1..4096 of them"))
    bad(f"listen-empty-{what}", GOOD + f"listen = {text};\n", (2, "listen: 0 elements; expected 1..256 of them"))
    bad(f"acl-empty-{what}", GOOD + f"acl = {text};\n", (2, "acl: 0 elements; expected 1..4096 of them"))
bad("server-address-missing", 'servers = (\n\t"192.0.2.1",\n\t{ name = "b"; }\n);\n', (3, "servers[1].address: missing, and it has no default"))
bad("server-empty-group", "servers = (\n\t{ }\n);\n", (2, "servers[0].address: missing"))
bad("listen-address-missing", GOOD + "listen = (\n\t{ receivers = 2; }\n);\n", (3, "listen[0].address: missing"))
bad("listen-many", GOOD + "listen = (\n" + ",\n".join(f'"127.0.1.{i}"' for i in range(1, 255)) + ',\n"127.0.2.1", "127.0.2.2", "127.0.2.3");\n',
    (2, "listen: 257 elements; expected 1..256 of them"))

# Shapes of servers, listen and acl.

for key in ("servers", "listen"):
    first = "" if key == "servers" else GOOD
    line = 1 if key == "servers" else 2
    expect = f"{key}: expected strings or groups in ( ), strings in [ ], or one string"
    bad(f"{key}-group", first + f'{key} = {{ address = "192.0.2.7"; }};\n', (line, expect + ", found a group { }"))
    bad(f"{key}-integer", first + f"{key} = 53;\n", (line, expect + ", found the integer 53"))
    bad(f"{key}-boolean", first + f"{key} = true;\n", (line, expect + ", found true"))
    bad(f"{key}-element-integer", first + f"{key} = (\n\t53\n);\n", (line + 1, f"{key}[0]: expected an address in quotes or a group {{ }}, found the integer 53"))
    bad(f"{key}-element-list", first + f'{key} = ( ( "192.0.2.7" ) );\n', (line, f"{key}[0]: expected an address in quotes or a group {{ }}, found a list ( )"))
    bad(f"{key}-array-of-integers", first + f"{key} = [ 1, 2 ];\n",
        (line, f"{key}[0]: expected an address in quotes"), (line, f"{key}[1]: expected an address in quotes"))
    bad(f"{key}-group-in-array", first + f'{key} = [ {{ address = "192.0.2.7"; }} ];\n', (line, "[ ] holds strings only: write ( ) around groups"))
bad("acl-integer", GOOD + "acl = 10;\n", (2, "acl: expected strings in [ ] or ( ), or one string, found the integer 10"))
bad("acl-group", GOOD + "acl = ( { } );\n", (2, "acl[0]: expected a prefix in quotes, found a group { }"))
bad("acl-boolean", GOOD + "acl = true;\n", (2, "acl: expected strings"))

# Addresses.

WRONG = "expected an IP address as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53"
ADDRESSES = {
    "name": ("ns1.example.test", "expected an IP address, not a host name: names are not looked up"),
    "name-port": ("ns1.example.test:53", "expected an IP address, not a host name"),
    "localhost": ("localhost", "expected an IP address, not a host name"),
    "empty": ("", WRONG),
    "space": (" 192.0.2.1", WRONG),
    "space-behind": ("192.0.2.1 ", WRONG),
    "octet": ("192.0.2.256", WRONG),
    "three-octets": ("192.0.2", WRONG),
    "five-octets": ("192.0.2.1.1", WRONG),
    "octal": ("192.0.02.1", WRONG),
    "number": ("3221225985", WRONG),
    "hash-port": ("192.0.2.1#53", "expected an IP address; a port stands behind a colon"),
    "at-port": ("192.0.2.1@53", "expected an IP address; a port stands behind a colon"),
    "prefix": ("192.0.2.0/24", "expected one IP address, not a prefix"),
    "port-zero": ("192.0.2.1:0", "the port is outside 1..65535"),
    "port-high": ("192.0.2.1:65536", "the port is outside 1..65535"),
    "port6-zero": ("[2001:db8::1]:0", "the port is outside 1..65535"),
    "port-empty": ("192.0.2.1:", ""),
    "port-name": ("192.0.2.1:domain", ""),
    "port-negative": ("192.0.2.1:-1", ""),
    "bracket-open": ("[2001:db8::1", WRONG),
    "bracket-close": ("2001:db8::1]", WRONG),
    "brackets-v4": ("[192.0.2.1]:53", WRONG),
    "brackets-empty": ("[]:53", WRONG),
    "colons": (":::", WRONG),
    "long6": ("2001:db8:1:2:3:4:5:6:7", WRONG),
    "scope-missing": ("fe80::1%nosuchif0", "there is no such network interface"),
    "url": ("udp://192.0.2.1", ""),
    "mapped": ("::ffff:192.0.2.1", "expected an IP address; one of IPv4 is written as such"),
    "two": ("192.0.2.1,192.0.2.2", WRONG),
}
for what, (text, why) in ADDRESSES.items():
    bad(f"address-{what}", f'servers = (\n\t"192.0.2.77",\n\t"{text}"\n);\n', (3, f'servers[1]: "{text}": {why}'))
for what in ("name", "port-zero", "octet", "scope-missing"):
    text, why = ADDRESSES[what]
    bad(f"listen-address-{what}", GOOD + f'listen = [ "{text}" ];\n', (2, f'listen[0]: "{text}": {why}'))
    bad(f"listen-group-address-{what}", GOOD + f'listen = ( {{ address = "{text}"; }} );\n', (2, f'listen[0].address: "{text}": {why}'))
bad("address-bare-name", 'servers = "dns.example.test";\n', (1, 'servers: "dns.example.test": expected an IP address, not a host name'))
bad("address-in-group-name", SERVER.replace("192.0.2.1", "dns") % "", (2, 'servers[0].address: "dns": expected an IP address, not a host name'))
bad("address-in-group-integer", "servers = ( { address = 5; } );\n", (1, "servers[0].address: expected a string"))
bad("address-control", 'servers = "\x01\x02";\n', (1, r'servers: "\001\002": expected an IP address'))
for what, text, why in (
    ("wildcard", "0.0.0.0", "is the wildcard address"),
    ("wildcard6", "[::]:5353", "is the wildcard address"),
    ("broadcast", "255.255.255.255", "is the broadcast address"),
    ("multicast", "224.0.0.251", "is a multicast address"),
    ("multicast-high", "239.255.255.255:5353", "is a multicast address"),
    ("multicast6", "ff02::fb", "is a multicast address"),
    ("link-local", "fe80::1", "is link-local and needs its interface"),
):
    bad(f"server-{what}", f'servers = [\n\t"{text}"\n];\n', (2, why))
bad("listen-multicast", GOOD + 'listen = "224.0.0.251:5353";\n', (2, "listen[0]: 224.0.0.251:5353 is a multicast address"))
bad("listen-broadcast", GOOD + 'listen = "255.255.255.255";\n', (2, "is the broadcast address"))
bad("listen-link-local", GOOD + 'listen = "[fe80::1]:53";\n', (2, "is link-local and needs its interface"))

PREFIXES = {
    "host-bits": ("10.0.0.1/8", 'bits are set behind the prefix; did you mean "10.0.0.0/8"?'),
    "host-bits6": ("2001:db8::1/32", 'bits are set behind the prefix; did you mean "2001:db8::/32"?'),
    "bits": ("10.0.0.0/33", "the prefix has more bits than the address"),
    "bits6": ("2001:db8::/129", "the prefix has more bits than the address"),
    "negative": ("10.0.0.0/-1", ""),
    "empty-bits": ("10.0.0.0/", "expected a prefix as 192.0.2.0/24"),
    "mask": ("10.0.0.0/255.0.0.0", "expected a prefix as 192.0.2.0/24"),
    "name": ("localnet", "expected a prefix as 192.0.2.0/24"),
    "any": ("any", "expected a prefix as 192.0.2.0/24"),
    "empty": ("", "expected a prefix as 192.0.2.0/24"),
    "port": ("10.0.0.1:53", "expected a prefix as 192.0.2.0/24"),
}
for what, (text, why) in PREFIXES.items():
    bad(f"acl-{what}", GOOD + f'acl = [ "127.0.0.0/8",\n\t"{text}" ];\n', (3, f'acl[1]: "{text}": {why}'))

# Sources and names.

bad("source-port", SERVER % 'source = "192.0.2.9:53";', (2, 'servers[0].source: "192.0.2.9:53": expected an address without a port'))
bad("source-port-zero", SERVER % 'source = "192.0.2.9:0";', (2, "servers[0].source: "))
bad("source-port6", 'servers = ( { address = "2001:db8::1"; source = "[2001:db8::9]:53"; } );\n', (1, "expected an address without a port"))
bad("source-name", SERVER % 'source = "eth0";', (2, 'servers[0].source: "eth0": expected an IP address, not a host name'))
bad("source-family", SERVER % 'source = "2001:db8::9";', (2, "servers[0].source: 2001:db8::9 and the server's address 192.0.2.1:53 are of different families: expected both IPv4 or both IPv6"))
bad("source-family6", 'servers = ( { address = "2001:db8::1"; source = "192.0.2.9"; } );\n', (1, "are of different families"))
bad("source-wildcard", SERVER % 'source = "0.0.0.0";', (2, "servers[0].source: 0.0.0.0 is the wildcard address: leave source out instead"))
bad("source-multicast", SERVER % 'source = "224.0.0.1";', (2, "servers[0].source: 224.0.0.1 is a multicast address"))
bad("source-integer", SERVER % "source = 1;", (2, "servers[0].source: expected a string"))
bad("name-space", SERVER % 'name = "a b";', (2, 'servers[0].name: "a b" may hold letters, digits and'))
bad("name-unicode", SERVER % 'name = "münchen";', (2, r'servers[0].name: "m\195\188nchen" may hold'))
bad("name-quote", SERVER % r'name = "a\"b";', (2, "may hold letters, digits and"))
bad("name-newline", SERVER % r'name = "a\nb";', (2, r'servers[0].name: "a\010b" may hold'))
bad("name-long", SERVER % f'name = "{"n" * 64}";', (2, "servers[0].name: a string of 64 bytes; expected 0..63 bytes"))
bad("name-integer", SERVER % "name = 1;", (2, "servers[0].name: expected a string"))

# Pairs.

bad("twin-name", 'servers = (\n\t{ address = "192.0.2.1"; name = "a"; },\n\t{ address = "192.0.2.2"; name = "a"; }\n);\n',
    (3, 'servers[1].name: "a" is the name of servers[0] already'))
bad("twin-address", 'servers = [\n\t"192.0.2.1",\n\t"192.0.2.2",\n\t"192.0.2.1:53"\n];\n', (4, "servers[2]: 192.0.2.1:53 is servers[0] already"))
bad("twin-address6", 'servers = [ "2001:db8::1",\n\t"[2001:DB8:0::1]:53" ];\n', (2, "servers[1]: [2001:db8::1]:53 is servers[0] already"))
bad("twin-address-names", 'servers = (\n\t{ address = "192.0.2.1"; name = "a"; },\n\t{ address = "192.0.2.1"; name = "b"; }\n);\n', (3, "servers[1]: 192.0.2.1:53 is servers[0] already"))
bad("twin-address-source", 'servers = (\n\t{ address = "192.0.2.1"; name = "a"; source = "192.0.2.9"; },\n\t{ address = "192.0.2.1"; name = "b"; source = "192.0.2.9"; }\n);\n',
    (3, "servers[1]: 192.0.2.1:53 is servers[0] already"))
bad("twin-source-default-name", 'servers = (\n\t"192.0.2.1",\n\t{ address = "192.0.2.1"; source = "192.0.2.9"; }\n);\n', (3, 'servers[1].name: "192.0.2.1:53" is the name of servers[0] already; give it a name'))
bad("twin-source-name-unread", 'servers = (\n\t"192.0.2.1",\n\t{ address = "192.0.2.1"; source = "192.0.2.9"; name = "a b"; }\n);\n', (3, 'servers[1].name: "a b" may hold'))
bad("twin-names-unread", 'servers = (\n\t{ address = "192.0.2.1"; name = "a b"; },\n\t{ address = "192.0.2.2"; name = 1; }\n);\n',
    (2, 'servers[0].name: "a b" may hold'), (3, "servers[1].name: expected a string"))
bad("twin-address-low6", 'servers = [ "::1:5300",\n\t"[::0:1:5300]:53" ];\n', (2, "servers[1]: [::1:5300]:53 is servers[0] already"))
bad("listen-wildcard", GOOD + 'listen = [ "127.0.0.1:5390",\n\t"0.0.0.0:5390" ];\n', (3, "listen[1]: 0.0.0.0:5390 takes every address of that port, 127.0.0.1:5390 among them"))
bad("listen-wildcard-first", GOOD + 'listen = [ "[::]:5390", "0.0.0.0:5390",\n\t"[::1]:5390" ];\n', (3, "listen[2]: [::]:5390 takes every address of that port, [::1]:5390 among them"))
bad("listen-wildcard-receivers", GOOD + 'listen = ( "0.0.0.0:5390",\n\t{ address = "127.0.0.1:5390"; receivers = 2; } );\n', (3, "listen[1]: 0.0.0.0:5390 takes every address of that port, 127.0.0.1:5390 among them"))
bad("twin-name-default", 'servers = (\n\t"192.0.2.1",\n\t{ address = "192.0.2.2"; name = "192.0.2.1:53"; }\n);\n', (3, "is the name of servers[0] already"))
bad("twin-listen", GOOD + 'listen = [ "127.0.0.1:5300",\n\t"127.0.0.1:5300" ];\n', (3, "listen[1]: 127.0.0.1:5300 is listen[0] already"))
bad("twin-listen-group", GOOD + 'listen = ( "127.0.0.1",\n\t{ address = "127.0.0.1:53"; receivers = 2; } );\n', (3, "listen[1]: 127.0.0.1:53 is listen[0] already"))
bad("loop-default", 'servers = "127.0.0.1";\n', (1, "servers[0]: 127.0.0.1:53 is where we listen ourselves: 127.0.0.1:53, by default; its queries would come back to us: give the server or `listen` another address or port"))
bad("loop-default6", 'servers = "::1";\n', (1, "servers[0]: [::1]:53 is where we listen ourselves: [::1]:53, by default"))
bad("loop-exact", 'listen = "192.0.2.53:5300";\nservers = [ "192.0.2.1", "192.0.2.53:5300" ];\n', (2, "servers[1]: 192.0.2.53:5300 is where we listen ourselves: 192.0.2.53:5300"))
bad("loop-wildcard", 'listen = "0.0.0.0:5300";\nservers = "127.1.2.3:5300";\n', (2, "servers[0]: 127.1.2.3:5300 is where we listen ourselves: 0.0.0.0:5300"))
bad("loop-wildcard6", 'listen = "[::]:5300";\nservers = "[::1]:5300";\n', (2, "is where we listen ourselves: [::]:5300"))
bad("loop-second-listener", 'listen = ( "192.0.2.53", { address = "127.0.0.2:5353"; } );\nservers = "127.0.0.2:5353";\n', (2, "is where we listen ourselves: 127.0.0.2:5353"))

# Integers that libconfig would wrap.

for what, value in (
    ("2-31", "2147483648"), ("2-32", "4294967300"), ("minus-2-31", "-2147483649"), ("2-64", "18446744073709551620"), ("long", "9" * 40),
    ("hex", "0xFFFFFFFF"), ("hex-long", "0x10000000000000004"), ("suffix", "4294967300L"), ("two-suffixes", "4294967300LL"), ("hex-suffix", "0x100000004L"),
):
    bad(f"integer-{what}", GOOD + f"workers = {value};\n", (2, f"workers: {value} does not fit into 32 bits"))
bad("integer-suffix-in-range-of-32", GOOD + "workers = 300L;\n", (2, "workers: 300 is outside 0..256"))
bad("integer-hex-in-range-of-32", GOOD + "workers = 0x101;\n", (2, "workers: 257 is outside 0..256"))
bad("integer-octal", GOOD + "workers = 010;\n", (2, "workers: 010 begins with a zero: is it decimal or octal?"))
bad("integer-two", "workers = 4294967300;\nservers = ( { weight = 4294967297;\n\taddress = 4294967298; } );\n",
    (1, "workers: 4294967300 does not"), (2, "servers[0].weight: 4294967297 does not"), (3, "servers[0].address: 4294967298 does not"))

# Keys given twice.

bad("duplicate", GOOD + "workers = 1;\n\nworkers = 2;\n", (4, "workers: given twice, first in line 3 of "))
bad("duplicate-same-line", GOOD + "workers = 1; workers = 1;\n", (2, "workers: given twice"))
bad("duplicate-in-group", GOOD + "health = {\n\tfall = 1;\n\tfall = 2;\n};\n", (4, "health.fall: given twice"))
bad("duplicate-group", GOOD + "health = { fall = 1; };\nhealth = { rise = 1; };\n", (3, "health: given twice"))
bad("duplicate-in-server", SERVER % 'weight = 1; weight = 1;', (2, "servers[0].weight: given twice"))
bad("duplicate-servers", GOOD + GOOD, (2, "servers: given twice"))
bad("duplicate-attempts", GOOD + "attempts = 2;\nattempts = 2;\n", (3, "attempts: given twice"))
bad("duplicate-retry", GOOD + "retry = { on = [ ]; };\nretry = { budget_percent = 5; };\n", (3, "retry: given twice"))
bad("duplicate-retry-on", GOOD + 'retry = {\n\ton = "timeout";\n\ton = "refused";\n};\n', (4, "retry.on: given twice"))
bad("duplicate-eject-base", GOOD + "eject = { base_ms = 5000; base_ms = 6000; };\n", (2, "eject.base_ms: given twice"))
bad("duplicate-tier", SERVER % "tier = 0; tier = 1;", (2, "servers[0].tier: given twice"))
bad("duplicate-latency", GOOD + 'latency = "on";\nlatency = "off";\n', (3, "latency: given twice"))
bad("duplicate-three", GOOD + "workers = 1;\nworkers = 2;\nworkers = 3;\nuser = \"a\";\nuser = \"b\";\n",
    (3, "workers: given twice"), (4, "workers: given twice"), (6, "user: given twice"))

# Syntax.

SYNTAX = {
    "trailing-comma-list": ('servers = (\n\t"192.0.2.1",\n);\n', 3, "a trailing comma: nothing follows it before ), in: );"),
    "trailing-comma-array": ('servers = [ "192.0.2.1", ];\n', 1, "a trailing comma: nothing follows it before ]"),
    "missing-comma": ('servers = ( "192.0.2.1"\n\t"192.0.2.2" );\n', 2, 'two strings side by side: is a comma missing?, in: "192.0.2.2" );'),
    "missing-comma-groups": ('servers = ( { address = "192.0.2.1"; }\n\t{ address = "192.0.2.2"; } );\n', 2, "a comma is missing before {"),
    "missing-comma-numbers": (GOOD + "listen = ( 1 2 );\n", 2, "a comma is missing before 2"),
    "missing-equals": (GOOD + "workers 4;\n", 2, "expected = behind workers, in: workers 4;"),
    "missing-equals-group": (GOOD + "log { };\n", 2, "expected = behind log"),
    "missing-value": (GOOD + "workers = ;\n", 2, "the value of workers is missing"),
    "missing-value-at-end": (GOOD + "workers =\n", 2, "the value of workers is missing"),
    "missing-value-before-key": (GOOD + 'workers =\nuser = "a";\n', 3, "the value of workers is missing before the key user"),
    "missing-values-of-list": ("servers = (\nworkers = 1;\n", 2, "the value of servers[0] is missing before the key workers"),
    "missing-value-in-group": (GOOD + "log = { level = }\n", 2, "the value of log.level is missing"),
    "two-equals": (GOOD + "workers == 4;\n", 2, "one = too many"),
    "two-semicolons": (GOOD + "workers = 4;;\n", 2, "one ; too many"),
    "comma-and-semicolon": (GOOD + "workers = 4,;\n", 2, "one ; too many"),
    "leading-semicolon": (";" + GOOD, 1, "one ; too many"),
    "missing-paren": ('servers = ( "192.0.2.1";\n', 1, "the ( of line 2 is not closed"),
    "missing-paren-at-end": ('servers = ( "192.0.2.1"\n', 1, "the ( of line 2 is not closed"),
    "missing-brace": (GOOD + "log = {\n\tlevel = \"info\";\n", 3, "the { of line 3 is never closed"),
    "missing-brace-in-list": ('servers = (\n\t{ address = "192.0.2.1";\n);\n', 3, "the { of line 3 is not closed with its like"),
    "wrong-bracket": ('servers = ( "192.0.2.1" ];\n', 1, "the ( of line 2 is not closed with its like"),
    "wrong-bracket-array": ('servers = [ "192.0.2.1" );\n', 1, "the [ of line 2 is not closed with its like"),
    "brace-too-many": (GOOD + "}\n", 2, "} closes nothing"),
    "paren-too-many": ('servers = ( "192.0.2.1" ));\n', 1, ") closes nothing"),
    "several-values": ('servers = "192.0.2.1", "192.0.2.2";\n', 1, "several values need ( ) around them"),
    "unquoted-v4": ("servers = 192.0.2.1;\n", 1, 'addresses stand in quotes, as in "192.0.2.1", in: servers = 192.0.2.1;'),
    "unquoted-v4-port": ("servers = ( 192.0.2.1:53 );\n", 1, "addresses stand in quotes"),
    "unquoted-v4-second": ('servers = ( "192.0.2.1", 192.0.2.2 );\n', 1, "addresses stand in quotes"),
    "unquoted-v6": ("servers = 2001:db8::1;\n", 1, "expected a key before :"),
    "unquoted-v6-brackets": ("servers = [2001:db8::1]:53;\n", 1, "addresses stand in quotes"),
    "unquoted-v6-short": (GOOD + "listen = [::1]:53;\n", 2, "addresses stand in quotes"),
    "unquoted-v6-scope": ("servers = ( [fe80::1%eth0]:53 );\n", 1, "addresses stand in quotes"),
    "unquoted-prefix": (GOOD + "acl = [ 10.0.0.0/8 ];\n", 2, "addresses stand in quotes"),
    "unquoted-name": ("servers = dns;\n", 1, 'words stand in quotes: "dns"'),
    "unquoted-host": ("servers = ns1.example.test;\n", 1, 'words stand in quotes: "ns1.example.test"'),
    "unit": (GOOD + "deadline_ms = 3s;\n", 2, "3s is not a number (units are not written)"),
    "unit-ms": (GOOD + "deadline_ms = 3000 ms;\n", 2, "expected = behind ms"),
    "percent": (GOOD + "workers = 50%;\n", 2, "50% is not a number"),
    "single-quotes": (GOOD + "policy = 'p2c';\n", 2, "strings stand in double quotes"),
    "quoted-key": (GOOD + '"workers" = 4;\n', 2, "keys stand without quotes"),
    "dotted-key": (GOOD + "health.fall = 3;\n", 2, "a key in a group is written GROUP = { KEY = VALUE; }"),
    "key-number": (GOOD + "4 = 4;\n", 2, "expected a key before 4"),
    "key-true": (GOOD + "true = 4;\n", 2, "expected a key before true"),
    "value-alone": (GOOD + "{ workers = 4; }\n", 2, "expected a key before {"),
    "ini": ("[dnsbal]\n" + GOOD, 1, "expected a key before ["),
    "ini-hyphen": (GOOD + "-c 4\n", 2, "expected a key before -c"),
    "yaml": ("servers:\n  - 192.0.2.1\n", 2, 'words stand in quotes: "-"'),
    "json": ('{ "servers": [ "192.0.2.1" ] }\n', 1, "expected a key before {"),
    "garbage": ("$%&!\n", 1, "expected a key before $%&!"),
    "nested-arrays": (GOOD + "acl = [ [ \"10.0.0.0/8\" ] ];\n", 2, "[ ] holds strings only"),
    "deep": (GOOD + "x = " + "(" * 17 + ")" * 17 + ";\n", 2, "brackets are nested more than 16 deep"),
    "very-deep": (GOOD + "x = " + "(" * 20000 + "\n", 2, "brackets are nested more than 16 deep"),
    "many-names": (GOOD + "".join(f"k{i} = 1;\n" for i in range(600)), 513, "too many settings in one group"),
    "semicolon-array": ('servers = [ "192.0.2.1"; "192.0.2.2" ];\n', 1, 'elements are separated by commas, not ;, in: servers = [ "192.0.2.1"; "192.0.2.2" ];'),
    "semicolon-list": ('servers = (\n\t"192.0.2.1";\n\t{ address = "192.0.2.2"; }\n);\n', 2, "elements are separated by commas, not ;"),
    "semicolon-last": ('servers = ( "192.0.2.1"; );\n', 1, "elements are separated by commas, not ;"),
}
for what, (body, line, why) in SYNTAX.items():
    bad(f"syntax-{what}", body, (line, f"syntax error: {why}"))
KINDS = "all elements of [ ] must be of one kind: strings in quotes"
bad("mixed-array", GOOD + 'acl = [ "10.0.0.0/8", 10 ];\n', (2, f"acl: {KINDS}"))
bad("mixed-array-in-group", GOOD + 'health = { reject = [ "SERVFAIL",\n\t3 ]; };\n', (3, f"health.reject: {KINDS}"))
for what, values in (("fraction", "1, 1.5"), ("boolean", "1, true"), ("long", "1, 1L"), ("thrice", 'true, "a", 1, 0x1L')):
    bad(f"mixed-array-{what}", GOOD + f"acl = [ {values} ];\n", (2, f"acl: {KINDS}"))

# What the scan before libconfig finds.

bad("comment-unterminated", GOOD + "\n/* this never\nends\n", (3, "the comment that begins here with /* never ends"))
bad("comment-unterminated-at-once", GOOD + "/*", (2, "the comment that begins here with /* never ends"))
bad("comment-slash-star-slash", GOOD + "/*/\nworkers = 1;\n", (2, "the comment that begins here"))
bad("string-unterminated", 'servers = "192.0.2.1;\nworkers = 1;\n', (1, 'a string begins on this line and does not end on it: a " is missing'))
bad("string-unterminated-at-end", 'servers = "192.0.2.1', (1, "a string begins on this line"))
bad("string-escaped-end", 'servers = "192.0.2.1\\";\n', (1, "a string begins on this line"))
bad("string-over-lines", 'servers = "192.0.2.1\n";\n', (1, "a string begins on this line"), (2, "a string begins on this line"))
bad("strings-unterminated-two", GOOD + 'policy = "p2c;\nuser = "dnsbal;\n', (2, "a string begins on this line"), (3, "a string begins on this line"))
bad("string-zero", GOOD + 'user = "a\\x00b";\n', (2, "a string cannot hold \\x00"))
bad("zero-byte", GOOD.encode() + b"workers = \0 4;\n", (2, "a zero byte: this is not a text file"))
bad("zero-byte-in-comment", GOOD.encode() + b"\n# \0\n", (3, "a zero byte"))
bad("zero-byte-in-string", b'servers = "192.0.2.1\0";\n', (1, "a zero byte"))
bad("utf-16", GOOD.encode("utf-16"), (1, "a zero byte"))
bad("typographic-quotes", "servers = \u201c192.0.2.1\u201d;\n", (1, r"\226\128\156 stands outside quotes"))
bad("no-break-space", GOOD + "workers\u00a0= 4;\n", (2, r"\194\160 stands outside quotes"))
bad("control-byte", GOOD + "workers = \x01;\n", (2, r"\001 stands outside quotes"))
bad("latin-1", GOOD.encode() + b"\xfc = 1;\n", (2, r"\252 stands outside quotes"))

# Includes.

bad("include-missing", '@include "nowhere.conf"\n' + GOOD, (1, 'cannot open "nowhere.conf": No such file or directory'))
bad("include-two-missing", '@include "nowhere.conf"\n@include "/nowhere/else"\n' + GOOD, (1, 'cannot open "nowhere.conf"'), (2, 'cannot open "/nowhere/else"'))
bad("include-empty-name", '@include ""\n' + GOOD, (1, 'cannot open "": No such file'))
bad("include-folder", '@include "."\n' + GOOD, (1, '"." is not a regular file'))
bad("include-device", '@include "/dev/null"\n' + GOOD, (1, '"/dev/null" is not a regular file'))
bad("include-endless-device", '@include "/dev/zero"\n' + GOOD, (1, '"/dev/zero" is not a regular file'))
bad("include-itself", GOOD + '@include "include-itself.conf"\n', (2, '"include-itself.conf" includes itself'))
bad("include-circle", GOOD + '@include "../parts/circle.inc"\n', (Part(1), '"../bad/include-circle.conf" includes itself in the end'))
bad("include-depth", '@include "../parts/depth-1.inc"\n' + GOOD, (Part(1), "files include each other more than 10 deep"))
bad("include-unquoted", "@include servers.conf\n" + GOOD, (1, 'expected @include "FILE" at the start of a line'))
bad("include-no-end", '@include "servers.conf\n' + GOOD, (1, 'expected @include "FILE" at the start of a line'))
bad("include-no-space", '@include"servers.conf"\n' + GOOD, (1, 'expected @include "FILE" at the start of a line'))
bad("include-behind", GOOD.strip() + ' @include "x"\n', (1, 'expected @include "FILE" at the start of a line'))
bad("include-assigned", GOOD + '@include = "x";\n', (2, 'expected @include "FILE" at the start of a line'))
bad("include-misspelt", GOOD + '@inclde "x"\n', (2, 'expected @include "FILE" at the start of a line'))
bad("include-bad-part", GOOD + '@include "../parts/workers-300.inc"\n', (Part(2), "parts/workers-300.inc:2: workers: 300 is outside 0..256"))
bad("include-line-after", GOOD + '@include "../parts/log.inc"\nworkers = 300;\n', (3, "include-line-after.conf:4: workers: 300 is outside"))
bad("include-rest-of-line", '@include "../parts/log.inc" workers = 300;\n' + GOOD, (1, "workers: 300 is outside"))
bad("include-duplicate", GOOD + 'log = { level = "info"; };\n@include "../parts/log.inc"\n', (Part(2), "parts/log.inc:2: log: given twice, first in line 3 of "))
bad("include-bad-comment", GOOD + '@include "../parts/comment.inc"\nworkers = 300;\n', (Part(2), "parts/comment.inc:2: the comment that begins here with /* never ends"))

# Many at once.

bad("many-kinds", 'policy = "roundrobin";\nworkers = 300;\nwibble = 1;\nservers = ( "192.0.2.1", "ns1.example.test",\n\t{ address = "192.0.2.2"; weight = 0; } );\n'
    "health = { fall = 0; rise = 101; mode = true; };\nlog = 1;\n",
    (1, "policy: "), (2, "workers: 300"), (3, "wibble: unknown key"), (4, "servers[1]: "), (5, "servers[2].weight: 0"), (6, "health.fall: 0"), (6, "health.rise: 101"),
    (6, "health.mode: expected a string"), (7, "log: expected a group"))
bad("many-kinds-of-retry", 'servers = ( { address = "192.0.2.1"; tier = 99; state = "draining"; } );\nattempts = 0;\nattempt_timeout_ms = 9;\nretry = { on = "always"; budget_percent = 101; };\n'
    "hedge = { percent = 51; };\neject = { consecutive_timeouts = -1; base_ms = 99; max_percent = 101; };\nslow_start_ms = -1;\npanic_percent = 101;\nlatency = 1;\n",
    (1, "servers[0].tier: 99"), (1, "servers[0].state: "), (2, "attempts: 0"), (3, "attempt_timeout_ms: 9"), (4, "retry.on: "), (4, "retry.budget_percent: 101"), (5, "hedge.percent: 51"),
    (6, "eject.consecutive_timeouts: -1"), (6, "eject.base_ms: 99"), (6, "eject.max_percent: 101"), (7, "slow_start_ms: -1"), (8, "panic_percent: 101"), (9, "latency: expected a string"))
bad("no-end-of-line", 'servers = "192.0.2.1"; workers = 300;', (1, "workers: 300 is outside"))
bad("carriage-returns", 'servers = "192.0.2.1";\r\n\r\nworkers = 300;\r\n', (3, "workers: 300 is outside"))
bad("lines-of-elements", 'servers = (\n\t"192.0.2.1"\n\t,\n\t"dns"\n\n\n\t,\n\t{\n\t\taddress = "192.0.2.2"\n\t\tweight = 0\n\n\t}\n)\n\n\nworkers = 300\n\n\n',
    (4, "servers[1]: "), (10, "servers[2].weight: 0"), (16, "workers: 300"))
bad("line-beyond-16-bits", "\n" * 70000 + "workers = 300;\n" + GOOD, (70001, "workers: 300 is outside"))
bad("hundred-and-more", 'servers = (\n' + ",\n".join(f'\t"host{i}"' for i in range(250)) + "\n);\n", *[(i + 2, f"servers[{i}]: ") for i in range(100)], (0, "and 150 more"))


def main():
    for folder in ("bad", "warned"):
        (FOLDER / folder).mkdir(exist_ok=True)
        for path in (FOLDER / folder).glob("*.conf"):
            path.unlink()
    for name, text in made.items():
        (FOLDER / f"{name}.conf").write_bytes(text)
    print(len(made), "files")


if __name__ == "__main__":
    main()
