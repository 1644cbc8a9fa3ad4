# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone that the real servers serve, as records: (name, type, text)."""

ORIGIN = "example.test."
KEY = "257 3 13 " + "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="

RECORDS = [
    ("@", "SOA", "ns1 admin 2026010101 3600 900 604800 300"),
    ("@", "NS", "ns1"),
    ("@", "NS", "ns2"),
    ("@", "MX", "10 mail"),
    ("@", "MX", "20 mail2"),
    ("@", "TXT", '"v=spf1 -all"'),
    ("ns1", "A", "192.0.2.53"),
    ("ns2", "AAAA", "2001:db8::53"),
    ("mail", "A", "192.0.2.25"),
    ("mail2", "A", "192.0.2.26"),
    ("www", "A", "192.0.2.80"),
    ("www", "A", "192.0.2.81"),
    ("www", "AAAA", "2001:db8::80"),
    ("alias", "CNAME", "www"),
    ("a.very.deep.name.below", "A", "192.0.2.99"),
    ("_sip._tcp", "SRV", "10 20 5060 www"),
    *[("large", "TXT", '"' + f"{n:04d}" + "x" * 196 + '"') for n in range(12)],
    *[("medium", "A", f"198.51.100.{n}") for n in range(1, 60)],
    *[(f"n{n}", "A", f"192.0.2.{n % 250 + 1}") for n in range(200)],
]


def zone_file(with_key):
    """Master file text. `with_key`: a DNSKEY record for a server that does not sign."""
    lines = [f"$ORIGIN {ORIGIN}", "$TTL 300"]
    lines += [f"{name} IN {kind} {text}" for name, kind, text in RECORDS]
    if with_key:
        lines.append(f"@ IN DNSKEY {KEY}")
    return "\n".join(lines) + "\n"


def _absolute(word):
    return ORIGIN if word == "@" else word if word.endswith(".") else f"{word}.{ORIGIN}"


def local_data():
    """The same as lines of unbound's local-data."""
    hosts = {"NS": [0], "MX": [1], "CNAME": [0], "SOA": [0, 1], "SRV": [3]}
    for name, kind, text in [*RECORDS, ("@", "DNSKEY", KEY)]:
        words = text.split(" ") if kind in hosts else [text]
        for at in hosts.get(kind, []):
            words[at] = _absolute(words[at])
        yield f"local-data: '{_absolute(name)} 300 IN {kind} {' '.join(words)}'"
