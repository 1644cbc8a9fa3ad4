# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways for a stub to misbehave. Each is a script, or makes one."""
import struct

from . import message as m
from .stub import Send


def rcode(code, **kw):
    """Answers everything with this rcode and no record."""
    return lambda q: q.reply(code, answers=(), **kw)


def late(seconds, script=None):
    """The answer, but after a time."""

    def run(q):
        data = script(q) if script else q.reply()
        return [Send(data, delay=seconds)]

    return run


def bare(code):
    """A header and nothing else (QDCOUNT 0)."""
    return lambda q: struct.pack("!HHHHHH", q.id, m.QR | code, 0, 0, 0, 0)


def wrong_id(q):
    return q.reply(qid=(q.id + 1) & 0xFFFF)


def wrong_name(q):
    return q.reply(question=m.wire_name("unrelated.example.test") + q.view.question[-4:])


def wrong_type(q):
    return q.reply(question=q.view.question[:-4] + struct.pack("!HH", m.MX, m.IN))


def wrong_class(q):
    return q.reply(question=q.view.question[:-2] + struct.pack("!H", m.CH))


def wrong_opcode(q):
    return q.reply(flags=m.QR | m.NOTIFY << 11)


def not_a_reply(q):
    return q.reply(flags=m.RD)


def two_questions(q):
    data = bytearray(q.reply(question=q.view.question * 2))
    struct.pack_into("!H", data, 4, 2)
    return bytes(data)


def cut_question(q):
    return q.reply()[:14]


def cut_header(q):
    return q.reply()[:11]


def looping_name(q):
    """The question's name is a pointer to itself."""
    return q.reply(question=b"\xc0\x0c" + q.view.question[-4:])


def lower_case(q):
    return q.reply(question=q.view.question[:-4].lower() + q.view.question[-4:])


def upper_case(q):
    # Length bytes are below 64 and no letters, so upper() leaves them alone.
    return q.reply(question=q.view.question[:-4].upper() + q.view.question[-4:])


def twice(q):
    return [Send(q.reply()), Send(q.reply())]


def sized(length, edns=None):
    return lambda q: m.sized_reply(q.data, length, edns=edns)


def then_true(bad, seconds=0.05):
    """A bad reply at once, the true one a little later."""

    def run(q):
        return [Send(bad(q)), Send(q.reply(), delay=seconds)]

    return run
