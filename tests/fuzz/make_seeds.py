#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the golden packets (tests/data/packets) and the seeds of the fuzz targets
(tests/fuzz/corpus/query and reply). The output depends on nothing but this file, so running it
again changes nothing; it deletes nothing either, so packets added by hand, say from a crash, stay.

A golden packet is well formed, has no bytes behind its last record, and is called query-* or
reply-*. A seed may be anything: the golden packets are seeds too, and the rest are the traps of
RFC 9267 and of the parsers that fell into them."""

import struct
from pathlib import Path
from unittest import mock

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "data" / "packets"
CORPUS = HERE / "corpus"
KEYRING = dns.tsigkeyring.from_text({"key.example.": "c2VjcmV0IHNlY3JldCBzZWNyZXQ="})
NOW = 1700000000  # TSIG carries the time
COOKIE = dns.edns.GenericOption(10, bytes(range(8)))
OPT, TXT, A, SIG, TSIG = 41, 16, 1, 24, 250


# Parts, for what dnspython rightly refuses to make.

def header(flags=0x0100, qd=1, an=0, ns=0, ar=0, qid=0x1234):
    return struct.pack("!6H", qid, flags, qd, an, ns, ar)


def question(name=b"\x07example\x03com\x00", qtype=A, qclass=1):
    return name + struct.pack("!2H", qtype, qclass)


def record(rtype, data=b"", owner=b"\x00", rclass=1, ttl=0, length=None):
    size = len(data) if length is None else length
    return owner + struct.pack("!2HIH", rtype, rclass, ttl, size) + data


def opt(options=b"", size=1232, ttl=0, owner=b"\x00", length=None):
    return record(OPT, options, owner, size, ttl, length)


def option(code, data=b"", length=None):
    return struct.pack("!2H", code, len(data) if length is None else length) + data


# Golden packets.

def ask(name, rtype, qid=0x1234, **more):
    query = dns.message.make_query(name, rtype, **more)
    query.id = qid
    return query


def answer(query, *answers, rcode=0, authority=(), additional=(), **edns):
    reply = dns.message.make_response(query, recursion_available=True)
    if edns:
        reply.use_edns(0, **edns)
    reply.set_rcode(rcode)
    for section, rows in ((reply.answer, answers), (reply.authority, authority),
                          (reply.additional, additional)):
        section.extend(dns.rrset.from_text(*row) for row in rows)
    return reply.to_wire(max_size=65535)


def signed(message):
    with mock.patch("time.time", return_value=NOW):
        message.use_tsig(KEYRING, algorithm=dns.tsig.HMAC_SHA256)
        return message.to_wire()


def update():
    message = dns.update.Update("example.com", id=0x1234)
    message.present("www")
    message.replace("www", 300, "A", "192.0.2.1")
    message.delete("old")
    return message


def notify():
    message = ask("example.com", "SOA", flags=dns.flags.AA)
    message.set_opcode(dns.opcode.NOTIFY)
    message.answer.append(dns.rrset.from_text("example.com.", 60, "IN", "SOA", SOA))
    return message


SOA = "ns1.example.com. hostmaster.example.com. 2024010101 7200 3600 1209600 300"
KEY = ("257 3 13 "
       "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==")
A_SIG = ("A 13 3 300 20240201000000 20240101000000 12345 example.com. "
         "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==")


def golden_queries():
    ecs = dns.edns.ECSOption("192.0.2.0", 24)
    return {
        "a": ask("www.example.com", "A").to_wire(),
        "a-mixed-case": ask("wWw.ExAmPlE.cOm", "A").to_wire(),
        "aaaa": ask("www.example.com", "AAAA", use_edns=0, payload=1232).to_wire(),
        "dnskey-do": ask("example.com", "DNSKEY", want_dnssec=True, payload=4096).to_wire(),
        "cd-ad": ask("example.com", "TXT", use_edns=0,
                     flags=dns.flags.RD | dns.flags.CD | dns.flags.AD).to_wire(),
        "edns-cookie": ask("example.com", "MX", use_edns=0, options=[COOKIE]).to_wire(),
        "edns-ecs": ask("cdn.example.com", "A", use_edns=0, options=[ecs]).to_wire(),
        "edns-many": ask("example.com", "A", use_edns=0, payload=512,
                         options=[dns.edns.GenericOption(3, b""), ecs, COOKIE,
                                  dns.edns.GenericOption(65001, b"strange")],
                         pad=128).to_wire(),
        "edns-version-1": header(ar=1) + question() + opt(ttl=1 << 16),
        "root-ns": ask(".", "NS").to_wire(),
        "ptr6": ask("1." + "0." * 31 + "ip6.arpa", "PTR").to_wire(),
        "name-255": ask(".".join(["x" * 63] * 3 + ["y" * 61]), "A", use_edns=0).to_wire(),
        "chaos": ask("version.bind", "TXT", rdclass="CH").to_wire(),
        "type-65280": ask("example.com", 65280).to_wire(),
        "axfr": ask("example.com", "AXFR").to_wire(),
        "ixfr": header(0, ns=1) + question(qtype=251) + record(
            6, b"\xc0\x0c\xc0\x0c" + struct.pack("!5I", 7, 1, 2, 3, 4), b"\xc0\x0c"),
        "cookie-only": header(qd=0, ar=1) + opt(option(10, bytes(8))),
        "tsig": signed(ask("example.com", "SOA", use_edns=0)),
        "sig0": header(ar=2) + question() + opt() + record(
            SIG, struct.pack("!HBBIIIH", 0, 13, 0, 0, NOW + 300, NOW, 12345)
            + b"\x03key\x00" + bytes(64), rclass=255),
        "update": update().to_wire(),
        "update-tsig": signed(update()),
        "notify": notify().to_wire(),
    }


def golden_replies():
    www = ask("www.example.com", "A", use_edns=0)
    plain = ask("www.example.com", "A")
    secure = ask("www.example.com", "A", want_dnssec=True)
    alias = (("www.example.com.", 300, "IN", "CNAME", "a.cdn.example.net."),
             ("a.cdn.example.net.", 60, "IN", "A", "192.0.2.1", "192.0.2.2", "192.0.2.3"))
    soa = ("example.com.", 300, "IN", "SOA", SOA)
    ede = [dns.edns.GenericOption(15, b"\x00\x06signature expired")]
    return {
        "a": answer(plain, ("www.example.com.", 300, "IN", "A", "192.0.2.1")),
        "aaaa": answer(ask("www.example.com", "AAAA", use_edns=0),
                       ("www.example.com.", 300, "IN", "AAAA", "2001:db8::1")),
        "compressed": answer(www, *alias),
        "glue": answer(www, authority=[("example.com.", 300, "IN", "NS", "ns1.example.com.",
                                        "ns2.example.com.")],
                       additional=[("ns1.example.com.", 300, "IN", "A", "192.0.2.53"),
                                   ("ns2.example.com.", 300, "IN", "AAAA", "2001:db8::53")]),
        "nxdomain": answer(www, rcode=dns.rcode.NXDOMAIN, authority=[soa]),
        "nodata": answer(plain, authority=[soa]),
        "dnskey-do": answer(ask("example.com", "DNSKEY", want_dnssec=True),
                            ("example.com.", 300, "IN", "DNSKEY", KEY)),
        "rrsig": answer(secure, ("www.example.com.", 300, "IN", "A", "192.0.2.1"),
                        ("www.example.com.", 300, "IN", "RRSIG", A_SIG)),
        "large": answer(www, ("www.example.com.", 300, "IN", "TXT",
                              *(f'"{i:03} {"x" * 240}"' for i in range(20)))),
        "edns-cookie": answer(www, *alias, options=[
            dns.edns.GenericOption(10, bytes(range(24)))]),
        "badvers": header(0x8180, ar=1) + question() + opt(ttl=1 << 24),
        "badcookie": header(0x8187, ar=1) + question() + opt(option(10, bytes(24)), ttl=1 << 24),
        "servfail-ede": answer(www, rcode=dns.rcode.SERVFAIL, options=ede),
        "servfail": answer(plain, rcode=dns.rcode.SERVFAIL),
        "refused": answer(plain, rcode=dns.rcode.REFUSED),
        "refused-header-only": header(0x8105, qd=0),
        "formerr-header-only": header(0x8001, qd=0),
        "notimp-edns-no-question": header(0x8004, qd=0, ar=1) + opt(),
        "truncated": header(0x8380, ar=1) + question() + opt(),
        "opt-before-last": header(0x8180, ar=2) + question() + opt(option(3, b"id"))
                           + record(TXT, b"\x02hi", b"\xc0\x0c"),
        "tsig": signed(dns.message.make_response(ask("example.com", "SOA", use_edns=0))),
        "update": header(0xa800, qd=1) + question(qtype=6),
        "notify": header(0xa400) + question(qtype=6),
    }


# Traps.

def hostile_queries():
    loop = b"\xc0\x0c"
    label = b"\x3f" + b"a" * 63
    return {
        "empty": b"",
        "11-bytes": header()[:11],
        "header-only": header(),
        "qr-set": header(0x8100) + question(),
        "qdcount-0": header(qd=0),
        "qdcount-2": header(qd=2) + question() + question(b"\x01b\x00"),
        "qdcount-2-second-cut": header(qd=2) + question() + b"\x07exam",
        "qdcount-65535": header(qd=65535) + question(b"\x00") * 40,
        "question-pointer": header() + question(b"\x01a" + loop),
        "question-pointer-self": header() + question(loop),
        "question-label-01": header() + question(b"\x41a\x00"),
        "question-label-10": header() + question(b"\x81a\x00"),
        "question-cut-in-label": header() + b"\x3fabc",
        "question-cut-in-type": header() + b"\x01a\x00\x00",
        "name-256": header() + question(label * 3 + b"\x3e" + b"b" * 62 + b"\x00"),
        "name-endless": header() + label * 40,
        "opcode-status": header(0x1000, ar=1) + question() + opt(),
        "opcode-dso": header(0x3000, qd=0),
        "notify-no-question": header(0x2000, qd=0, ar=1) + opt(),
        "opt-twice": header(ar=2) + question() + opt() + opt(),
        "opt-named": header(ar=1) + question() + opt(owner=b"\x01a\x00"),
        "opt-named-by-pointer": header(ar=1) + question() + opt(owner=b"\xc0\x18"),
        "opt-in-answer": header(an=1) + question() + opt(),
        "opt-in-authority": header(ns=1, ar=1) + question() + opt() + opt(),
        "opt-then-record": header(ar=2) + question() + opt() + record(TXT, b"\x01x"),
        "option-longer-than-opt": header(ar=1) + question() + opt(option(8, b"\x00\x01", 65535)),
        "opt-length-65535": header(ar=1) + question() + opt(length=65535),
        "opt-many-options": header(ar=1) + question() + opt(option(10, bytes(8)) * 60),
        "record-length-65535": header(ar=1) + question() + record(TXT, b"x", length=65535),
        "record-pointer-forward": header(ar=1) + question() + record(TXT, owner=b"\xc0\xff"),
        "record-pointer-self": header(ar=1) + question() + record(TXT, owner=b"\xc0\x1d"),
        "record-pointer-into-itself": header(ar=1) + question()
                                      + record(TXT, owner=b"\x01a\xc0\x1d"),
        "counts-65535": header(an=65535, ns=65535, ar=65535) + question() + record(TXT) * 20,
        "sig0-too-short": header(ar=1) + question() + record(SIG, b"\x00"),
        "sig-of-a": header(ar=1) + question() + record(SIG, b"\x00\x01"),
        "tsig-not-last": header(ar=2) + question() + record(TSIG, rclass=255) + opt(),
        "trailing-bytes": header() + question() + b"trailing",
    }


def hostile_replies():
    ede = option(15, b"\x00\x16")
    return {
        "empty": b"",
        "11-bytes": header(0x8180)[:11],
        "qr-clear": header(0x0180) + question(),
        "qdcount-2": header(0x8180, qd=2) + question() * 2,
        "qdcount-65535": header(0x8180, qd=65535) + question(b"\x00") * 40,
        "no-question": header(0x8180) + b"",
        "question-pointer": header(0x8180) + question(b"\xc0\x0c"),
        "question-cut": header(0x8180) + b"\x07example\x03com\x00\x00\x01\x00",
        "record-cut": header(0x8180, an=1) + question() + record(A, b"\xc0", b"\xc0\x0c", length=4),
        "pointer-loop": header(0x8180, an=1) + question() + record(A, bytes(4), b"\xc0\x1d"),
        "pointer-forward": header(0x8180, an=1) + question() + record(A, bytes(4), b"\xff\xff"),
        "counts-65535": header(0x8180, 1, 65535, 65535, 65535) + question()
                        + record(A, bytes(4), b"\xc0\x0c") * 30,
        "opt-in-answer": header(0x8180, an=1) + question() + opt(),
        "opt-named": header(0x8180, ar=1) + question() + opt(owner=b"\x01a\x00"),
        "opt-twice": header(0x8180, ar=2) + question() + opt(ede) + opt(),
        "opt-length-65535": header(0x8180, ar=1) + question() + opt(ede, length=65535),
        "ede-empty": header(0x8182, ar=1) + question() + opt(option(15)),
        "ede-second": header(0x8182, ar=1) + question() + opt(option(3, b"x") + ede),
        "ede-longer-than-opt": header(0x8182, ar=1) + question() + opt(option(15, b"\x00", 300)),
        "options-end-in-3-bytes": header(0x8182, ar=1) + question()
                                  + opt(option(3) + b"\x00\x0f\x00"),
        "trailing-bytes": header(0x8180) + question() + b"trailing",
    }


def write(folder, packets):
    folder.mkdir(parents=True, exist_ok=True)
    for name, wire in packets.items():
        (folder / f"{name}.bin").write_bytes(wire)


def matches():
    """A query and a reply that are, or are nearly, each other's: see fuzz_match.c."""
    queries = {**golden_queries(), "garbage": b"\xff" * 40}
    replies = {**golden_replies(), "no-question-refused": header(0x8185), "cut": header(0x8180)[:11]}
    pairs = {}
    for n, (kind, query) in enumerate(sorted(queries.items())):
        other, reply = sorted(replies.items())[n % len(replies)]
        pairs[f"{kind}-{other}"] = bytes([1]) + len(query).to_bytes(2, "big") + query + reply
        echo = query[:2] + bytes([query[2] | 0x80]) + query[3:]
        pairs[f"{kind}-echo"] = bytes([3 + 4 * (n % 2)]) + len(query).to_bytes(2, "big") + query + echo
    pairs["wrong-peer"] = bytes([11]) + pairs["a-echo"][1:] if "a-echo" in pairs else b""
    return pairs


@mock.patch("random.shuffle", lambda rows: None)  # dnspython deals the records of a set anew
def main():
    for kind, golden, hostile in (("query", golden_queries(), hostile_queries()),
                                  ("reply", golden_replies(), hostile_replies())):
        write(GOLDEN, {f"{kind}-{name}": wire for name, wire in golden.items()})
        write(CORPUS / kind, {f"good-{name}": wire for name, wire in golden.items()})
        write(CORPUS / kind, hostile)
    write(CORPUS / "match", matches())


if __name__ == "__main__":
    main()
