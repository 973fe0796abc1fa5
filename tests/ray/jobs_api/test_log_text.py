"""The text of a log: the same in pieces as in one, whatever bytes there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from synapse_ray.jobs_api.logs import LogPart

pieces = st.sampled_from(
    [b"line\n", b"\r", b"\r\n", "größe".encode(), b"\xff\xfe", b"\xc3", b"\xa4", b"\n", b"", b"same\n"]
)


@given(st.lists(pieces, max_size=12))
def test_a_log_that_grows_is_told_once(chunks: list[bytes]):
    """Looked at after each piece: what is told then is what is told of the whole."""
    growing, told, data = LogPart(), "", b""
    for chunk in chunks:
        data += chunk
        told += "".join(growing.take(data))
    told += "".join(growing.end())
    whole = LogPart()
    assert told == "".join([*whole.take(data), *whole.end()])
    assert told == data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=200))
def test_lines_end_with_a_newline(data: bytes):
    """But for the last, which may have none."""
    part = LogPart()
    lines, rest = part.take(data), part.end()
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    assert len(rest) <= 1
