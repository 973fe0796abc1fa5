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


@given(st.text("ab \r\nä", max_size=40), st.text("ab \r\nä", min_size=1, max_size=40).filter(str.strip))
def test_a_log_that_ends_with_what_ray_says(before: str, said: str):
    """Whatever ends its lines, and with no newline at its end, or one; not while some of it is missing."""
    for written in (said, f"{said}\n"):
        part = LogPart()
        part.take(f"{before}\n>{written}".encode())
        assert part.ends_with(f">{said}")
    part = LogPart()
    part.take(f"{before}\n>{said.rstrip()[:-1]}".encode())
    assert not part.ends_with(f">{said}")


def test_the_end_of_a_long_log():
    """Only so much of it is kept as is needed to know."""
    part = LogPart()
    part.take(b"line of a long log\n" * 5000)
    message = "said at last\n" * 5000
    part.take(b"x" * part.offset + message.encode())
    assert part.ends_with(message)
    assert len(part.tail) < len(message)
