"""Makes up models, values of them, and things that are wrong with them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import make_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Literal
from uuid import UUID

import attrs
from attrs import validators
from hypothesis import strategies as st

Path = tuple[str | int, ...]
Break = Callable[[st.DataObject, Any], tuple[Any, list[Path]]]


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = 2


class Corner(enum.Enum):
    LEFT = (0, 0)
    RIGHT = (1, 0)


@attrs.frozen
class Case:
    """A type, its values, and how to break the JSON data of one: gives the data and the paths of what is wrong now."""

    wanted: Any
    values: st.SearchStrategy[Any]
    spoil: Break
    hashable: bool = True


def _replaced(*wrong: Any) -> Break:
    return lambda data, _: (data.draw(st.sampled_from(wrong)), [()])


_WORDS = st.text("abcdefghijklmnopqrstuvwxyz_ é'[.\n", max_size=6)
_ZONES = st.none() | st.just(UTC)

LEAVES = [
    Case(int, st.integers(-(10**20), 10**20), _replaced("1", 1.5, None, True, [], {})),
    Case(float, st.floats(allow_nan=False, allow_infinity=False), _replaced("1", None, False, [], {})),
    Case(bool, st.booleans(), _replaced("yes", 0, 1, None, [])),
    Case(str, st.text(max_size=8), _replaced(1, None, True, [], {})),
    Case(bytes, st.binary(max_size=8), _replaced("é", 1, None, [])),
    Case(PurePosixPath, _WORDS.map(PurePosixPath), _replaced(1, None, [])),
    Case(datetime, st.datetimes(timezones=_ZONES), _replaced("soon", 1, None)),
    Case(date, st.dates(), _replaced("soon", 1, None, "2026-01-01T00:00:00")),
    Case(time, st.times(timezones=_ZONES), _replaced("soon", 1, None)),
    Case(timedelta, st.timedeltas(), _replaced("soon", None, True, [])),
    Case(UUID, st.uuids(), _replaced("x", 1, None)),
    Case(Decimal, st.decimals(allow_nan=False), _replaced("x", None, True)),
    Case(Mode, st.sampled_from(Mode), _replaced("FAST", 1, None, True, [])),
    Case(Corner, st.sampled_from(Corner), _replaced("left", [0, 0], None)),
    Case(Literal["a", 1], st.sampled_from(["a", 1]), _replaced("b", 2, True, None, {})),
    Case(int | str, st.integers() | st.text(max_size=5), _replaced(None, True, 1.5, [])),
]


def cases(depth: int = 2) -> st.SearchStrategy[Case]:
    """Types, with types inside them up to a depth."""
    leaves = st.sampled_from(LEAVES)
    if depth == 0:
        return leaves
    inner = cases(depth - 1)
    return (
        leaves
        | st.one_of(
            inner.map(optional),
            inner.map(listed),
            inner.map(mapped),
            inner.map(numbered),
            leaves.map(in_set),
            pairs(inner),
        )
        | models(depth - 1)
    )


def optional(case: Case) -> Case:
    def spoil(data: st.DataObject, value: Any) -> tuple[Any, list[Path]]:
        if value is None:
            return object(), [()]
        broken, paths = case.spoil(data, value)
        return (object(), [()]) if broken is None else (broken, paths)

    return Case(case.wanted | None, st.none() | case.values, spoil, case.hashable)


def listed(case: Case) -> Case:
    def spoil(data: st.DataObject, value: Any) -> tuple[Any, list[Path]]:
        if not value or data.draw(st.booleans()):
            return data.draw(st.sampled_from(["ab", None, 1, {"a": 1}])), [()]
        index = data.draw(st.integers(0, len(value) - 1))
        broken, paths = case.spoil(data, value[index])
        return [*value[:index], broken, *value[index + 1 :]], [(index, *path) for path in paths]

    return Case(
        list[case.wanted],  # type: ignore[name-defined]
        st.lists(case.values, max_size=3),
        spoil,
        False,
    )


def in_set(case: Case) -> Case:
    spoil = _replaced("ab", None, 1, {"a": 1}, [object()])
    wrong: Break = lambda data, value: _indexed(*spoil(data, value))  # noqa: E731
    return Case(
        frozenset[case.wanted],  # type: ignore[name-defined]
        st.frozensets(case.values, max_size=3),
        wrong,
    )


def _indexed(broken: Any, paths: list[Path]) -> tuple[Any, list[Path]]:
    return (broken, [(0,)]) if isinstance(broken, list) else (broken, paths)


def mapped(case: Case) -> Case:
    return _mapping(case, str, _WORDS)


def numbered(case: Case) -> Case:
    return _mapping(case, int, st.integers(-9, 9))


def _mapping(case: Case, key: Any, keys: st.SearchStrategy[Any]) -> Case:
    def spoil(data: st.DataObject, value: Any) -> tuple[Any, list[Path]]:
        if not value or data.draw(st.booleans()):
            return data.draw(st.sampled_from(["ab", None, 1, [1]])), [()]
        name = data.draw(st.sampled_from(sorted(value)))
        broken, paths = case.spoil(data, value[name])
        return {**value, name: broken}, [(name, *path) for path in paths]

    return Case(
        dict[key, case.wanted],  # type: ignore[name-defined]
        st.dictionaries(keys, case.values, max_size=3),
        spoil,
        False,
    )


@st.composite
def pairs(draw: st.DrawFn, inner: st.SearchStrategy[Case]) -> Case:
    first, second = draw(inner), draw(inner)

    def spoil(data: st.DataObject, value: Any) -> tuple[Any, list[Path]]:
        broken, paths = first.spoil(data, value[0])
        return [broken, value[1]], [(0, *path) for path in paths]

    wanted = tuple[first.wanted, second.wanted]  # type: ignore[name-defined]
    hashable = first.hashable and second.hashable
    return Case(wanted, st.tuples(first.values, second.values), spoil, hashable)


@st.composite
def models(draw: st.DrawFn, depth: int = 2) -> Case:
    """An attrs class or a dataclass with up to four fields."""
    fields = draw(st.lists(cases(depth), max_size=4))
    members = {f"f{index}": case for index, case in enumerate(fields)}
    if draw(st.booleans()):
        cls: Any = attrs.make_class("M", {n: attrs.field(type=c.wanted) for n, c in members.items()}, frozen=True)
    else:
        cls = make_dataclass("M", [(name, case.wanted) for name, case in members.items()], frozen=True)
    values = st.builds(cls, **{name: case.values for name, case in members.items()})

    def spoil(data: st.DataObject, value: Any) -> tuple[Any, list[Path]]:
        if not members or data.draw(st.booleans()):
            return data.draw(st.sampled_from(["ab", 1, [1]])), [()]
        broken, every = dict(value), []
        for name in data.draw(st.sets(st.sampled_from(sorted(members)), min_size=1)):
            if data.draw(st.booleans()):
                broken[name], paths = members[name].spoil(data, value[name])
            else:
                del broken[name]
                paths = [()]
            every += [(name, *path) for path in paths]
        return broken, every

    return Case(cls, values, spoil, all(case.hashable for case in fields))


# --- models whose JSON Schema says all there is to say ---

_NAMES = st.text("abc", max_size=4)

RULED: list[tuple[Any, Any, st.SearchStrategy[Any]]] = [
    (int, validators.ge(2), st.integers(-3, 8)),
    (int, [validators.gt(2), validators.le(6)], st.integers(-3, 8)),
    (int, validators.in_([1, 2, 3]), st.integers(-3, 8)),
    (int | None, validators.optional(validators.lt(4)), st.none() | st.integers(-3, 8)),
    (int | None, validators.ge(2), st.none() | st.integers(-3, 8)),
    (int | str, validators.ge(2), _NAMES | st.integers(-3, 8)),
    (float, validators.lt(0.5), st.floats(-2, 2)),
    (float, None, st.floats(-2, 2) | st.integers(-3, 3)),
    (bool, None, st.booleans()),
    (str, validators.matches_re("a+b?"), _NAMES),
    (str, [validators.min_len(1), validators.max_len(2)], _NAMES),
    (str | None, validators.optional(validators.in_(["a", "b"])), st.none() | _NAMES),
    (list[int], validators.deep_iterable(validators.ge(0), validators.max_len(2)), st.lists(st.integers(-2, 5))),
    (list[str] | None, validators.optional(validators.min_len(1)), st.none() | st.lists(_NAMES)),
    (tuple[int, str], None, st.tuples(st.integers(), _NAMES).map(list)),
    (tuple[()], None, st.just([])),
    (set[int], validators.min_len(1), st.lists(st.integers(0, 3))),
    (
        dict[str, int],
        validators.deep_mapping(validators.min_len(1), validators.ge(0)),
        st.dictionaries(_NAMES, st.integers(-2, 5)),
    ),
    (dict[int, str], None, st.dictionaries(st.integers().map(str), _NAMES)),
    (Mode, None, st.sampled_from(["fast", 2])),
    (Mode | None, validators.in_([Mode.FAST]), st.none() | st.sampled_from(["fast", 2])),
    (Literal["a", 1], None, st.sampled_from(["a", 1, 1.0])),
    (Any, None, st.none() | _NAMES),
]

ODD_VALUES: list[Any] = [
    *(None, True, False, 0, 1, 1.0, 1.5, 2, 3, 7, -1, "", "a", "ab", "abc", "fast", [], [1], [-1], ["a"], [1, 2, 3]),
    *([1, "a"], ["a", 1], {}, {"a": 1}, {"a": -1}, {"": 1}, {"1": "a"}, {"x": "a"}),
]
ODD = st.sampled_from(ODD_VALUES)


@st.composite
def described(draw: st.DrawFn, depth: int = 1) -> tuple[Any, st.SearchStrategy[Any]]:
    """A model that JSON Schema can say in full, and data for it, good and bad."""
    rows = draw(st.lists(st.sampled_from(RULED), min_size=1, max_size=4))
    fields: dict[str, Any] = {}
    data: dict[str, st.SearchStrategy[Any]] = {}
    for index, (wanted, validator, values) in enumerate(rows):
        name = f"f{index}"
        fields[name] = attrs.field(type=wanted, validator=validator)
        data[name] = values | ODD
    if depth:
        inner, inner_data = draw(described(depth - 1))
        fields["inner"] = attrs.field(type=inner)
        fields["more"] = attrs.field(type=list[inner] | None, factory=list)  # type: ignore[arg-type,valid-type]
        data |= {"inner": inner_data, "more": st.none() | st.lists(inner_data, max_size=2) | ODD}
    objects = st.fixed_dictionaries({}, optional=data) | st.fixed_dictionaries(data)
    return attrs.make_class(f"M{depth}", fields), objects | ODD
