"""The parser of event streams, by the examples of the WHATWG HTML standard and whatever hypothesis thinks of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_store.wire.sse import HEARTBEAT, Message, Parser, frame

EXAMPLES = [
    # The standard's own, in its order (9.2.5, 9.2.6).
    ("data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\n",
     [("message", "This is the first message.", ""),
      ("message", "This is the second message, it\nhas two lines.", "")]),
    ("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
     [("add", "73857293", ""), ("remove", "2153", ""), ("add", "113411", "")]),
    ("data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
    (": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
     [("message", "first event", "1"), ("message", "second event", ""), ("message", " third event", "")]),
    ("data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
    ("data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
    # And its rules.
    ("\ufeffdata: a\n\n\ufeffdata: b\n\n", [("message", "a", "")]),
    ("event: x\n\ndata: a\n\n", [("message", "a", "")]),
    ("id: 1\n\ndata: a\n\n", [("message", "a", "1")]),
    ("id: 1\nid: 2\0\ndata: a\n\n", [("message", "a", "1")]),
    ("data: a\rdata: b\r\ndata: c\n\r\n", [("message", "a\nb\nc", "")]),
    ("foo: bar\nData: x\ndata: a\n\n", [("message", "a", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), EXAMPLES)
def test_examples(text, wanted):
    """What the standard says comes of a stream."""
    assert [(m.event, m.data, m.id) for m in Parser().feed(text.encode())] == wanted


@given(st.sampled_from(EXAMPLES), st.data())
def test_chunks_do_not_matter(example, data):
    """However a stream is cut into chunks, within a character or a line's end too, the events are the same."""
    text, wanted = example[0].encode(), example[1]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    parser, found = Parser(), []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found += parser.feed(text[start:end])
    assert [(m.event, m.data, m.id) for m in found] == wanted


@given(st.binary())
def test_anything_is_read(data):
    """Nothing that is sent breaks it, byte by byte or at once."""
    whole, single = Parser(), Parser()
    assert whole.feed(data) == [m for byte in data for m in single.feed(bytes([byte]))]
    assert whole.last_event_id == single.last_event_id


_line = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(_line, st.none() | _line.filter(bool), st.none() | st.integers(0, 10**9))))
def test_what_is_framed_is_read(events):
    """`frame` and the parser are one another's reverse; heartbeats are nothing."""
    stream = b"".join(HEARTBEAT + frame(data.encode(), event=name, id=number) for data, name, number in events)
    wanted, last = [], ""
    for data, name, number in events:
        last = last if number is None else str(number)
        wanted.append(Message(name or "message", data, last))
    assert Parser().feed(stream) == wanted


def test_retry_is_kept():
    """Digits only."""
    parser = Parser()
    parser.feed(b"retry: 2000\nretry: 2s\nretry:\n\n")
    assert parser.retry == 2000
