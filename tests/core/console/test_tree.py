"""Graphs drawn as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

from hypothesis import given
from hypothesis import strategies as st

from synapse_core.builtin.console.columns import _branch
from synapse_core.builtin.console.look import _UNICODE
from synapse_core.builtin.console.tree import branches


def drawn(needs: Mapping[str, Sequence[str]]) -> list[str]:
    places = zip(needs, branches(list(needs), needs), strict=True)
    return [
        f"{_branch(place, _UNICODE)}{name}{' after ' + ','.join(place.needs) if place.needs else ''}"
        for name, place in places
    ]


def test_a_sequence_is_a_column() -> None:
    """Actions one after another stand below each other."""
    assert drawn({"a": [], "b": ["a"], "c": ["b"]}) == ["a", "b", "c"]


def test_branches_part_and_join() -> None:
    """What runs beside each other is indented between where it parts and where it joins."""
    needs = {"split": [], "a": ["split"], "a2": ["a"], "b": ["split"], "join": ["a2", "b"], "end": ["join"]}
    assert drawn(needs) == ["split", "├─a", "│ a2", "├─b", "join", "end"]


def test_branches_without_a_join_end() -> None:
    """The last branch of a fork that nothing joins closes it."""
    assert drawn({"a": [], "b": ["a"], "c": ["a"]}) == ["a", "├─b", "╰─c"]


def test_several_roots() -> None:
    """Branches with nothing above them open the drawing."""
    assert drawn({"a": [], "b": [], "c": ["a", "b"]}) == ["╭─a", "├─b", "c"]


def test_forks_in_forks() -> None:
    """A branch may part and join again within another."""
    needs = {"s": [], "a": ["s"], "x": ["a"], "y": ["a"], "z": ["x", "y"], "b": ["s"], "j": ["z", "b"]}
    assert drawn(needs) == ["s", "├─a", "│ ├─x", "│ ├─y", "│ z", "├─b", "j"]


def test_needs_that_go_without_saying() -> None:
    """A need of what another need needs changes nothing."""
    assert drawn({"a": [], "b": ["a"], "c": ["a", "b"], "d": ["a", "c"]}) == ["a", "b", "c", "d"]


def test_what_the_drawing_cannot_tell_is_said() -> None:
    """Where rows below each other are not neighbours in the graph, they name their needs."""
    assert drawn({"a": [], "b": [], "c": ["a", "b"], "d": ["a", "b"]})[2:] == ["├─c after a,b", "╰─d after a,b"]
    interleaved = drawn({"s": [], "a": ["s"], "b": ["s"], "a2": ["a"], "b2": ["b"], "j": ["a2", "b2"]})
    assert interleaved == ["s", "├─a", "├─b", "│ a2 after a", "│ b2 after b", "j"]


def test_needs_from_below_or_nowhere_are_ignored() -> None:
    """A log that names what is not there is drawn all the same."""
    assert [line.partition(" after")[0] for line in drawn({"a": ["b", "gone"], "b": ["a", "a", "b"]})] == ["a", "b"]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    names = [f"n{i}" for i in range(draw(st.integers(1, 14)))]
    above = [st.lists(st.sampled_from(names[:i]), max_size=4) if i else st.just([]) for i in range(len(names))]
    return {name: draw(needs) for name, needs in zip(names, above, strict=True)}


@given(graphs())
def test_any_graph_can_be_drawn(needs: dict[str, list[str]]) -> None:
    """Each row is drawn below what it needs, no deeper than one level below a row before it."""
    places = branches(list(needs), needs)
    assert len(places) == len(needs)
    for row, place in enumerate(places):
        assert place.depth <= max((before.depth for before in places[:row]), default=0) + 1
        assert not place.starts or place.depth > 0


def test_a_drawing_without_words_is_the_whole_truth() -> None:
    """Of all graphs of up to five actions, no two are drawn alike without a word, save for needs that are implied."""
    seen: dict[tuple[str, ...], dict[str, frozenset[str]]] = {}
    for needs in (graph for size in range(1, 6) for graph in _all_graphs("abcde"[:size])):
        lines = tuple(drawn(needs))
        if not any(" after " in line for line in lines):
            assert seen.setdefault(lines, _closure(needs)) == _closure(needs), "\n".join(lines)
    assert len(seen) > 50


def _all_graphs(names: str) -> Iterator[dict[str, tuple[str, ...]]]:
    above = [[c for k in range(i + 1) for c in combinations(names[:i], k)] for i in range(len(names))]
    for chosen in product(*above):
        yield dict(zip(names, chosen, strict=True))


def _closure(needs: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, above in needs.items():
        found[name] = frozenset(above).union(*(found[need] for need in above))
    return found
