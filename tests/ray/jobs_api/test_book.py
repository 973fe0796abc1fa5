"""What a job writes down is read as it was written, whenever and however often one looks."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core import ExecutionError
from synapse_core.events import Draft, Kind, now
from synapse_core.models import Failure
from synapse_core.protocols import Outcome
from synapse_core.worker.crossing import draft_rows, outcome_data
from synapse_ray.jobs_api import book as books
from synapse_ray.jobs_api.book import ORDER, OUTCOME, Book
from synapse_ray.jobs_api.reading import BookReader

texts = st.text(max_size=20) | st.just("\ud800 half of a pair") | st.just("new\nline\u2028and\x85more")


class Folder:
    """Reads files the way Ray's dashboard does; what ``between`` does happens between two of its looks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.between: list[Any] = []

    def __call__(self, name: str, lines: int = -1) -> bytes | None:
        if name.startswith("rows") and self.between:
            self.between.pop()()
        file = self.path / name
        if not file.exists():
            return None
        body = file.read_bytes()
        return body if lines == -1 else b"".join(body.splitlines(keepends=True)[-lines:])


def log(text: str) -> Draft:
    return Draft(Kind.ACTION_LOG, now(), "train", 1, {"message": text})


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "jobs" / "one", tmp_path / "job.log")


def add_each(book: Book, drafts: list[Draft]) -> None:
    for draft in drafts:
        book.add(draft_rows([draft]))


def rest_of(reader: BookReader) -> list[Draft]:
    state = reader.state()
    return [draft for drafts in reader.drafts(state) for draft in drafts] if state is not None else []


@given(st.lists(st.lists(texts, max_size=4), max_size=12), st.integers(1, 400))
def test_reports_are_read_as_written(tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]], part: int):
    """In order, each once, whatever is in them, and however many files they are in."""
    path = tmp_path_factory.mktemp("book")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(books, "_PART", part)
        book = Book(path / "jobs" / "one", path / "job.log")
        reader = BookReader(Folder(book.folder))
        told: list[Draft] = []
        seen: list[Draft] = []
        for number, batch in enumerate(batches):
            drafts = [log(text) for text in batch]
            book.add(draft_rows(drafts))
            book.tell()
            told += drafts
            if number % 3 == 0:
                seen += rest_of(reader)
        assert seen + rest_of(reader) == told
        assert rest_of(BookReader(Folder(book.folder))) == told


def test_reports_that_come_while_one_reads(book: Book):
    """More were written than were said to be there: none is skipped, and none read twice."""
    folder = Folder(book.folder)
    reader = BookReader(folder)
    told = [log(f"line {number}") for number in range(400)]
    add_each(book, told[:50])
    book.tell()
    seen = rest_of(reader)
    add_each(book, told[50:51])
    book.tell()
    folder.between.append(lambda: add_each(book, told[51:300]))
    seen += rest_of(reader)
    add_each(book, told[300:])
    book.tell()
    assert seen + rest_of(reader) == told


def test_a_line_that_is_not_finished_is_read_later(book: Book):
    """Its writer is in the midst of it."""
    reader = BookReader(Folder(book.folder))
    book.add(draft_rows([log("one")]))
    book.tell()
    with (book.folder / "rows-000001").open("ab") as file:
        file.write(b'{"seq":2,"dra')
    assert [draft.payload["message"] for draft in rest_of(reader)] == ["one"]


def test_reports_that_are_gone_are_said_to_be(book: Book):
    """Not passed over: what comes after would look like all there was."""
    reader = BookReader(Folder(book.folder))
    book.add(draft_rows([log("one")]))
    book.tell()
    (book.folder / "rows-000001").unlink()
    with pytest.raises(ExecutionError, match="of 1 batches of reports only 0 can be read"):
        rest_of(reader)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("completed", {"a": [1, "ü", None]}, {"a": [1, "ü", None]}),
        Outcome("completed", "half of a pair \ud800", None),
        Outcome("completed", {}, {}),
        Outcome("completed", None, None),
        Outcome("failed", failure=Failure("ValueError", "no", "Traceback …"), kinds=("ValueError", "Exception")),
    ],
)
def test_an_outcome_is_read_as_written(book: Book, outcome: Outcome):
    """With what it adds to the params, or that it adds nothing."""
    reader = BookReader(Folder(book.folder))
    before = reader.state()
    assert before is not None
    assert before.size is None
    book.end(outcome_data(outcome))
    state = reader.state()
    assert state is not None
    assert reader.outcome(state) == outcome


def test_an_outcome_that_arrives_in_part_is_an_error(book: Book):
    """A connection that breaks must not make a result of what came through."""
    book.end(outcome_data(Outcome("completed", "x" * 1000)))
    reader = BookReader(Folder(book.folder))
    state = reader.state()
    assert state is not None
    (book.folder / OUTCOME).write_bytes((book.folder / OUTCOME).read_bytes()[:500])
    with pytest.raises(ExecutionError, match=r"of a result of \d+ bytes 500 arrived"):
        reader.outcome(state)


def test_nobody_else_may_look(book: Book):
    """Params of the action may be in its reports and its result."""
    assert stat.S_IMODE(book.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(book.folder.parent.stat().st_mode) == 0o700


def test_an_order_is_read(book: Book):
    """None, while there is none."""
    assert book.order() is None
    (book.folder / ORDER).write_text('{"reason": "enough", "grace": 2.5}')
    assert book.order() == {"reason": "enough", "grace": 2.5}
