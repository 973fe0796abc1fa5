"""Constraints on values: checked in words of our own, and said in JSON Schema."""

from __future__ import annotations

import enum
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from attrs import frozen

from synapse_core.schema.codecs import literal_form
from synapse_core.schema.kinds import Kind
from synapse_core.schema.names import shown, type_name
from synapse_core.schema.problems import Problem, attempt, broken_rule, problems_of


class Constraint(Protocol):
    """A rule for values."""

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """What of the rule the value breaks; ``owner`` is the instance it is for, as far as there is one."""

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """The rule for a value of that kind in JSON Schema, as far as it can be said there."""


_BOUNDS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    ">=": (operator.ge, "minimum"),
    ">": (operator.gt, "exclusiveMinimum"),
    "<=": (operator.le, "maximum"),
    "<": (operator.lt, "exclusiveMaximum"),
}


@frozen
class Bound:
    """``must be >= 1``."""

    operator: str
    limit: Any

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        try:
            kept = _BOUNDS[self.operator][0](value, self.limit)
        except TypeError:
            kept = False
        if not kept:
            yield broken_rule(f"must be {self.operator} {shown(self.limit)}", value)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        return _numeric(kind, _BOUNDS[self.operator][1], self.limit)


@frozen
class MultipleOf:
    """``must be a multiple of 8``."""

    step: Any

    def __call__(self, owner: Any, attribute: Any, value: Any) -> None:
        """As an attrs validator, which attrs has none of."""
        if value % self.step:
            raise ValueError(value)

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        if value % self.step:
            yield broken_rule(f"must be a multiple of {shown(self.step)}", value)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        return _numeric(kind, "multipleOf", self.step)


def _numeric(kind: Kind, keyword: str, number: Any) -> dict[str, Any]:
    """A keyword that JSON Schema applies to numbers alone, where text would break the rule too."""
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        return {}
    return {keyword: number, **({"type": "number"} if kind in (Kind.STR, Kind.ANY) else {})}


_LENGTHS = {Kind.STR: "Length", Kind.MAPPING: "Properties"}
_SIZED = (Kind.STR, Kind.MAPPING, Kind.SEQUENCE, Kind.TUPLE, Kind.RECORD)


@frozen
class Length:
    """``must have at least 2 items``: of text, characters."""

    most: bool
    limit: int

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        size = len(value)
        if size > self.limit if self.most else size < self.limit:
            unit = "characters" if isinstance(value, str) else "items"
            bound = "most" if self.most else "least"
            # the size is no secret, the value may be
            found = broken_rule("", value).found
            yield Problem(f"must have at {bound} {self.limit} {unit}, got {size}", found)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`; a set may be given with an item twice, so only its least length can be said."""
        if kind not in _SIZED and not (kind is Kind.SET and not self.most):
            return {}
        return {f"{'max' if self.most else 'min'}{_LENGTHS.get(kind, 'Items')}": self.limit}


_WHOLE = {"fullmatch": "^(?:{})$", "match": "^(?:{})", "search": "{}"}


@frozen
class Matches:
    """``must match '[a-z]+'``; ``how`` is the name of the `re` function."""

    pattern: re.Pattern[Any]
    how: str

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        if not isinstance(value, str) or not getattr(self.pattern, self.how)(value):
            yield broken_rule(f"must match {self.pattern.pattern!r}", value)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`; a pattern with flags cannot be said."""
        if kind is not Kind.STR or self.pattern.flags & ~re.UNICODE:
            return {}
        return {"pattern": _WHOLE[self.how].format(self.pattern.pattern)}


@frozen
class OneOf:
    """``must be one of 'a', 'b'``."""

    options: Any

    @property
    def listed(self) -> tuple[Any, ...] | None:
        """The options one by one, where they can be listed."""
        if not isinstance(self.options, (tuple, frozenset, enum.EnumType, range)) or len(self.options) > 256:
            return None
        return tuple(self.options)

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        try:
            kept = value in self.options
        except TypeError:
            kept = False
        if not kept:
            options = ", ".join(map(shown, self.listed)) if self.listed is not None else shown(self.options)
            yield broken_rule(f"must be one of {options}", value)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        forms = [literal_form(option) for option in self.listed or ()]
        scalars = all(form is None or isinstance(form, (str, int, float)) for form in forms)
        return {"enum": forms} if forms and scalars else {}


@frozen
class Maybe:
    """None, or a value that keeps the rules."""

    rules: tuple[Constraint, ...]

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        if value is not None:
            yield from broken(self.rules, value, owner)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        return merged(rule.keywords(kind) for rule in self.rules)


@frozen
class Each:
    """Rules for every item of a collection; `json_schema` says them where it describes the items."""

    rules: tuple[Constraint, ...]

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        for index, item in enumerate(value):
            for problem in broken(self.rules, item, owner):
                yield problem.under(index)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        return {}


@frozen
class EachPair:
    """Rules for every key and every value of a mapping; said like those of `Each`."""

    keys: tuple[Constraint, ...]
    values: tuple[Constraint, ...]

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        for key, item in value.items():
            for problem in (*broken(self.keys, key, owner), *broken(self.values, item, owner)):
                yield problem.under(str(key))

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        return {}


@frozen
class InstanceOf:
    """The type said once more by a validator; it can be narrower than the annotation."""

    type: Any

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`."""
        if not isinstance(value, self.type):
            types = self.type if isinstance(self.type, tuple) else (self.type,)
            yield broken_rule(f"must be {' or '.join(map(type_name, types))}", value)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        return {}


@frozen
class Opaque:
    """A validator that only it itself understands."""

    validator: Callable[[Any, Any, Any], Any]
    attribute: Any

    def problems(self, value: Any, owner: Any) -> Iterator[Problem]:
        """See `Constraint`; one that misses another field of an unfinished ``owner`` says nothing yet."""
        try:
            self.validator(owner, self.attribute, value)
        except Exception as error:  # noqa: BLE001  a validator is anybody's code
            if owner is None or not isinstance(error, AttributeError):
                yield from problems_of(error)

    def keywords(self, kind: Kind) -> dict[str, Any]:
        """See `Constraint`."""
        return {}


def merged(schemas: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Schemas that all have to hold, as one; where two say different things under one keyword, by ``allOf``."""
    every: dict[str, Any] = {}
    for schema in schemas:
        if any(keyword in every and every[keyword] != said for keyword, said in schema.items()):
            every.setdefault("allOf", []).append(schema)
        else:
            every.update(schema)
    return every


def takes_none(rules: Iterable[Constraint]) -> bool:
    """Whether None keeps the rules, as far as can be told without running anybody's code."""
    return not any(True for _ in broken((rule for rule in rules if not isinstance(rule, Opaque)), None, None))


def broken(rules: Iterable[Constraint], value: Any, owner: Any) -> Iterator[Problem]:
    """What of the rules the value breaks; a rule that cannot be asked of it counts as broken."""
    for rule in rules:
        found, problems = attempt(lambda rule=rule: list(rule.problems(value, owner)))
        yield from found or problems
