"""What is wrong with data, while it is being found out: gathered, given paths, and told as field issues."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve, frozen

from synapse_core.errors import FieldIssue, ValidationError
from synapse_core.schema.names import found_name, shown, type_name

MOST_ISSUES = 100
_LONGEST_PATH = 40

Segment = str | int


@frozen
class Problem:
    """One thing wrong at ``path`` in the data.

    ``got`` shows the value, ``type_got`` says no more than its type; a ``foreign`` text is not ours and may show the
    value as well.
    """

    text: str
    found: str = ""
    wanted: str = ""
    got: str = ""
    type_got: str = ""
    foreign: bool = False
    path: tuple[Segment, ...] = ()

    def under(self, segment: Segment) -> Problem:
        """The same, seen from one level up."""
        return evolve(self, path=(segment, *self.path))

    def redacted(self) -> Problem:
        """The same, without the value."""
        return evolve(self, text="is not valid" if self.foreign else self.text, got=self.type_got)

    def issue(self) -> FieldIssue:
        """The problem as it is told."""
        message = f"{self.text}, got {self.got}" if self.got else self.text
        return FieldIssue(path_text(self.path), message, self.found, self.wanted)


class Problems(Exception):  # noqa: N818  a signal between hooks, never seen outside
    """Raised by a hook that found data wrong."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.text for problem in self.problems))


def mismatch(wanted: Any, value: Any, form: str = "") -> Problems:
    """The value is not of the type wanted; ``form`` says how that type is written."""
    name = wanted if isinstance(wanted, str) else type_name(wanted)
    found = found_name(value)
    got = "None" if value is None else f"{found} {shown(value)}"
    text = f"expected {name} ({form})" if form else f"expected {name}"
    return Problems([Problem(text, found, name, got, found)])


def broken_rule(text: str, value: Any) -> Problem:
    """The value is of the right type but breaks a constraint: ``must be >= 1, got 0``."""
    return Problem(text, found=found_name(value), got=shown(value))


def problems_of(error: Exception) -> list[Problem]:
    """What an exception says is wrong: ours, cattrs', an adapter's, or anybody's."""
    if isinstance(error, Problems):
        return list(error.problems)
    if isinstance(error, ValidationError):
        return [_from_issue(issue) for issue in error.issues]
    if isinstance(error, ExceptionGroup):
        return [problem for part in error.exceptions for problem in _from_group(part)]
    if isinstance(error, RecursionError):
        return [Problem("is nested too deeply")]
    return [Problem(_said(error), foreign=True)]


def attempt(make: Callable[..., Any], *args: Any) -> tuple[Any, list[Problem]]:
    """What ``make`` gives, or what it says is wrong by raising."""
    try:
        return make(*args), []
    except Exception as error:  # noqa: BLE001  hooks, converters and validators are anybody's code
        return None, problems_of(error)


def _said(error: Exception) -> str:
    """An exception's message; of attrs' validators, which have more arguments, the first."""
    text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return text if text and not isinstance(error, KeyError) else f"{type(error).__name__}: {error}".removesuffix(": ")


def _from_issue(issue: FieldIssue) -> Problem:
    path = (Whole(issue.path),) if issue.path else ()
    return Problem(issue.message, issue.found, issue.wanted, foreign=True, path=path)


def _from_group(error: Exception) -> list[Problem]:
    """The problems of one exception in a group of cattrs', whose notes say where it was raised."""
    from cattrs.errors import AttributeValidationNote, IterableValidationNote

    problems = problems_of(error)
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return [problem.under(note.name) for problem in problems]
        if isinstance(note, IterableValidationNote):
            return [problem.under(note.index) for problem in problems]
    return problems


class Whole(str):
    """A part of a path that is a path of its own."""

    __slots__ = ()


def path_text(path: Iterable[Segment]) -> str:
    """``layers[2].units``; a key that is no plain word is quoted: ``weights['a b']``."""
    segments = tuple(path)
    if len(segments) > _LONGEST_PATH:
        segments = (*segments[:4], Whole("..."), *segments[-2:])
    text = ""
    for segment in segments:
        if isinstance(segment, Whole):
            text += segment if not text or segment.startswith("[") else f".{segment}"
        elif isinstance(segment, str) and _is_word(segment):
            text += f".{segment}" if text else segment
        else:
            text += f"[{segment if isinstance(segment, int) else shown(segment)}]"
    return text


def _is_word(segment: str) -> bool:
    return len(segment) <= 60 and bool(segment) and not set(segment) & set(" .[]'\"\n\t")


def issues_of(problems: Iterable[Problem]) -> tuple[FieldIssue, ...]:
    """The problems as they are told: the first hundred, and that there are more."""
    every = list(problems)
    issues = [problem.issue() for problem in every[:MOST_ISSUES]]
    if len(every) > MOST_ISSUES:
        issues.append(FieldIssue("...", f"there are more than {MOST_ISSUES} wrong fields; the others are not shown"))
    return tuple(issues)
