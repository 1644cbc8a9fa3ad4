# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS messages as bytes: made and read by hand, so that a test decides about every one of them.

dnspython is used where a whole message has to be understood; here it would hide what we test."""
import random
import struct

QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
QUERY, NOTIFY, UPDATE = 0, 4, 5
A, NS, SOA, MX, TXT, AAAA, OPT, DNSKEY, TSIG, ANY = 1, 2, 6, 15, 16, 28, 41, 48, 250, 255
IN, CH = 1, 3
EDE, COOKIE, ECS, PADDING = 15, 10, 8, 12
QUESTION_OFFSET = 12


def wire_name(text):
    """'www.example.test' to wire form; '.' is the root. No escapes."""
    out = b""
    for label in text.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode("ascii")
    return out + b"\0"


def skip_name(data, at):
    """The offset behind the name at `at`; a pointer ends it."""
    while data[at]:
        if data[at] & 0xC0:
            return at + 2
        at += data[at] + 1
    return at + 1


def text_name(data, at):
    """The uncompressed name at `at` as text, case kept."""
    labels = []
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode("latin-1"))
        at += data[at] + 1
    return ".".join(labels) + "."


def option(code, value):
    return struct.pack("!HH", code, len(value)) + value


def opt(size=1232, do=False, options=b"", ext_rcode=0, version=0, flags=0):
    """An OPT record."""
    ttl = ext_rcode << 24 | version << 16 | (0x8000 if do else 0) | flags
    return b"\0" + struct.pack("!HHIH", OPT, size, ttl, len(options)) + options


def query(name="www.example.test", qtype=A, qclass=IN, *, qid=None, flags=RD, opcode=QUERY, edns=None):
    """A query; `edns` is the bytes of an OPT record."""
    qid = random.randrange(65536) if qid is None else qid
    head = struct.pack("!HHHHHH", qid, flags | opcode << 11, 1, 0, 0, 1 if edns else 0)
    return head + wire_name(name) + struct.pack("!HH", qtype, qclass) + (edns or b"")


def padded_query(length, name="pad.example.test", **kw):
    """A query of exactly `length` bytes, filled up with EDNS padding."""
    bare = query(name, edns=opt(4096), **kw)
    fill = length - len(bare) - 4
    assert fill >= 0
    return query(name, edns=opt(4096, options=option(PADDING, bytes(fill))), **kw)


def record(name, rtype, rdata, ttl=60, rclass=IN):
    """A record; a bytes `name` is wire already (b'\\xc0\\x0c' is the question's)."""
    owner = name if isinstance(name, bytes) else wire_name(name)
    return owner + struct.pack("!HHIH", rtype, rclass, ttl, len(rdata)) + rdata


A_RECORD = record(b"\xc0\x0c", A, bytes([192, 0, 2, 1]))


class View:
    """Reads a message: header, question, counts, and the OPT record if it can be found."""

    def __init__(self, data):
        self.data = bytes(data)
        self.id, self.flags, *self.counts = struct.unpack_from("!HHHHHH", self.data)
        self.question = b""
        at = QUESTION_OFFSET
        if self.counts[0]:
            at = skip_name(self.data, at) + 4
            self.question = self.data[QUESTION_OFFSET:at]
        self.body = at  # where the records begin

    rcode = property(lambda self: self.flags & 15)
    opcode = property(lambda self: self.flags >> 11 & 15)
    name = property(lambda self: text_name(self.question, 0) if self.question else "")
    qtype = property(lambda self: struct.unpack("!H", self.question[-4:-2])[0])
    qclass = property(lambda self: struct.unpack("!H", self.question[-2:])[0])

    def records(self):
        """(type, class, ttl, rdata, section) of every record; section 0 is the answer."""
        at = self.body
        for section, count in enumerate(self.counts[1:]):
            for _ in range(count):
                at = skip_name(self.data, at)
                rtype, rclass, ttl, length = struct.unpack_from("!HHIH", self.data, at)
                at += 10
                yield rtype, rclass, ttl, self.data[at : at + length], section
                at += length

    def edns(self):
        """None, or {size, do, ext_rcode, version, options: [(code, value)]}."""
        for rtype, size, ttl, rdata, _ in self.records():
            if rtype == OPT:
                return {
                    "size": size,
                    "do": bool(ttl & 0x8000),
                    "ext_rcode": ttl >> 24,
                    "version": ttl >> 16 & 255,
                    "options": list(options(rdata)),
                }
        return None


def options(rdata):
    at = 0
    while at + 4 <= len(rdata):
        code, length = struct.unpack_from("!HH", rdata, at)
        yield code, rdata[at + 4 : at + 4 + length]
        at += 4 + length


def reply(data, rcode=NOERROR, *, answers=(A_RECORD,), flags=None, edns=None, question=None, qid=None):
    """A reply to the query `data`: echoes ID, question, opcode, RD and CD unless told otherwise."""
    view = View(data)
    if flags is None:
        flags = QR | RA | view.flags & (0x7800 | RD | CD)
    question = view.question if question is None else question
    head = struct.pack(
        "!HHHHHH",
        view.id if qid is None else qid,
        flags | rcode,
        1 if question else 0,
        len(answers),
        0,
        1 if edns else 0,
    )
    return head + question + b"".join(answers) + (edns or b"")


def sized_reply(data, length, *, edns=None):
    """A NOERROR reply of exactly `length` bytes: TXT records, the last one cut to fit."""
    answers, room = [], length - len(reply(data, answers=(), edns=edns))
    while room:
        rdata_len = min(room - 12, 200)
        if 0 < room - 12 - rdata_len < 14:
            rdata_len -= 14
        text = bytes([rdata_len - 1]) + b"x" * (rdata_len - 1)
        answers.append(record(b"\xc0\x0c", TXT, text))
        room -= 12 + rdata_len
    return reply(data, answers=answers, edns=edns)


def same_but_id(a, b):
    """Two messages that differ in nothing but the ID."""
    return a[2:] == b[2:]
