"""``repr``, the drawing for the terminal, and Mermaid."""

from __future__ import annotations

import random
import re
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.models import ActionStatus
from synapse_core.pipeline import Node, PipelineGraph
from synapse_core.pipeline.drawing.blocks import draw_blocks
from synapse_core.pipeline.drawing.lanes import draw_lanes
from synapse_core.pipeline.drawing.listing import draw_list
from synapse_core.pipeline.drawing.shape import direct_needs
from synapse_core.pipeline.layout import _wrong_name
from tests.core.pipeline.helpers import act, closure, dag, edges

download, convert, train_a, train_b, eval_b, compare, export = map(
    act, ["download", "convert", "train-a", "train-b", "eval-b", "compare", "export"]
)
A, B, C, D, E = map(act, "abcde")


def drawn(text):
    return dedent(text).strip("\n")


def reduced(plan):
    """The edges that no path makes superfluous."""
    return {
        (plan.nodes[need].name, node.name)
        for node, needs in zip(plan, direct_needs(plan), strict=True)
        for need in needs
    }


class TestShape:
    @given(edges())
    def test_direct_needs_are_the_reduction(self, graph):
        """No need that another comes after, and the same ancestors."""
        plan = dag(graph).plan
        above = closure(graph)
        kept = {name: {a for a, b in reduced(plan) if b == name} for name in graph}
        assert all(not any(one in above[other] for other in needed) for needed in kept.values() for one in needed)
        assert closure(kept) == above


class TestRepr:
    def test_a_formula(self):
        """Short, and readable as the list it was made from."""
        graph = PipelineGraph([download, convert, [train_a, [train_b, eval_b]], compare], name="nightly")
        assert repr(graph) == "PipelineGraph('nightly': download → convert → [train-a | train-b → eval-b] → compare)"
        assert repr(PipelineGraph([A])) == "PipelineGraph(a)"

    def test_a_subclass_says_what_it_is(self):
        """As ActionPipeline does."""

        class ActionPipeline(PipelineGraph):
            pass

        assert repr(ActionPipeline([A, [B, C]])) == "ActionPipeline(a → [b | c])"

    def test_neither_series_nor_parallel(self):
        """Is in braces, and only that part of it."""
        nodes = [Node(B, needs="a"), Node(C, needs="a"), Node(D, needs="b"), Node(E, needs=("b", "c"))]
        assert repr(PipelineGraph([A, *nodes])) == "PipelineGraph(a → {b, c, d, e})"

    def test_many(self):
        """Are cut in the middle."""
        assert repr(PipelineGraph([A] * 1000)) == ("PipelineGraph(a → a-2 → a-3 → a-4 → … 994 more … → a-999 → a-1000)")

    @given(edges(most=12))
    def test_never_long(self, graph):
        """Whatever the graph is."""
        assert len(repr(dag(graph))) < 200


class TestBlocks:
    def test_a_sequence_with_branches(self):
        """From left to right, on rails."""
        graph = PipelineGraph([download, convert, [train_a, [train_b, eval_b]], compare, export])
        assert graph.graph() == drawn("""
            download ── convert ─┬─ train-a ───────────┬─ compare ── export
                                 └─ train-b ── eval-b ─┘
        """)

    def test_status(self):
        """A symbol before each name; none where none is told."""
        graph = PipelineGraph([[A, B, C, D, E], Node(A, name="other")])
        status = dict(zip("abcde", ActionStatus, strict=True)) | {"other": "odd"}
        assert graph.graph(status=status) == drawn("""
            ○ a ─┬─ ? other
            ▶ b ─┤
            ✓ c ─┤
            ✗ d ─┤
            – e ─┘
        """)
        assert PipelineGraph([A, B]).graph(status={"b": "failed"}) == "a ── ✗ b"

    def test_branches_in_branches(self):
        """Rails beside rails."""
        graph = PipelineGraph([A, [B, [[C, D, E], export], convert], download])
        assert graph.graph() == drawn("""
            a ─┬─ b ──────────────┬─ download
               ├─┬─ c ─┬─ export ─┤
               │ ├─ d ─┤          │
               │ └─ e ─┘          │
               └─ convert ────────┘
        """)

    def test_sets_in_a_row_and_open_ends(self):
        """Rails only where something comes in or goes out."""
        assert PipelineGraph([[A, B], [C, D]]).graph() == drawn("""
            a ─┬─┬─ c
            b ─┘ └─ d
        """)
        assert PipelineGraph([[A, B]]).graph() == "a\nb"
        assert PipelineGraph([A]).graph() == "a"

    def test_each_and_when_are_shown(self):
        """By the list, and by a question mark."""
        graph = PipelineGraph([A, Node(B, each="file in files"), Node(C, when="more")])
        assert graph.graph() == "a ── b[files] ── c?"

    def test_a_long_sequence_is_wrapped(self):
        """At the width that is given."""
        assert PipelineGraph([download] * 6).graph(width=45) == drawn("""
            download ── download-2 ── download-3 ── …
            … ── download-4 ── download-5 ── download-6
        """)

    @pytest.mark.parametrize("width", [30, 60, 100, 200])
    def test_never_wider_than_asked(self, width):
        """However long and wide the pipeline is."""
        graph = PipelineGraph([download, [convert] * 10, train_a, train_b, [[eval_b, compare]] * 2, export] * 3)
        assert max(map(len, graph.graph(width=width).splitlines())) <= width

    def test_wide_characters_take_two_columns(self):
        """The rails stay straight."""
        graph = PipelineGraph([[Node(A, name="日本"), Node(B, name="ab")], C])
        assert graph.graph() == "日本 ─┬─ c\nab ───┘"

    @given(st.recursive(st.just(0), lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=14))
    def test_it_can_be_read_back(self, nested):
        """Every drawing says exactly the edges that the pipeline has."""
        plan = PipelineGraph(nested_actions([nested])).plan
        text = draw_blocks(plan, {}, 10_000)
        assert text is not None
        assert read_blocks(text) == reduced(plan)


def nested_actions(nested, counter=None):
    """A nested list of numbered actions in place of the zeros."""
    counter = counter if counter is not None else iter(range(1000))
    return [act(f"n{next(counter)}") if item == 0 else nested_actions(item, counter) for item in nested]


RIGHT, LEFT, UP, DOWN = (0, 1), (0, -1), (-1, 0), (1, 0)
SIDES = {
    "─": {LEFT, RIGHT},
    "│": {UP, DOWN},
    "┬": {LEFT, RIGHT, DOWN},
    "├": {UP, DOWN, RIGHT},
    "┤": {UP, DOWN, LEFT},
    "└": {UP, RIGHT},
    "┘": {UP, LEFT},
    "┐": {LEFT, DOWN},
    "┌": {RIGHT, DOWN},
    "┴": {LEFT, RIGHT, UP},
    "┼": {LEFT, RIGHT, UP, DOWN},
}


def read_blocks(text):
    """The edges that a drawing shows: a piece of line leads from the names at its left ends to those at its right."""
    rows = text.splitlines()
    cells = {(r, c): SIDES[char] for r, row in enumerate(rows) for c, char in enumerate(row) if char in SIDES}
    ends = {}
    for r, row in enumerate(rows):
        for name in re.finditer(r"n\d+", row):
            ends[r, name.start() - 2], ends[r, name.end() + 1] = ("to", name[0]), ("from", name[0])
    found, seen = set(), set()
    for cell in cells:
        piece, left = set(), [cell]
        while left:
            here = left.pop()
            if here in piece or here in seen:
                continue
            piece.add(here)
            for side in cells[here]:
                there = (here[0] + side[0], here[1] + side[1])
                if (-side[0], -side[1]) in cells.get(there, ()):
                    left.append(there)
        seen |= piece
        touched = {ends[here] for here in piece if here in ends}
        found |= {(a, b) for how, a in touched if how == "from" for other, b in touched if other == "to"}
    return found


class TestLanes:
    nodes = (
        Node(A, needs=()),
        Node(B, needs="a"),
        Node(C, needs="a"),
        Node(D, needs=("b", "c")),
        Node(E, needs="c"),
        Node(export, needs=("d", "e")),
    )

    def test_what_is_neither_series_nor_parallel(self):
        """A row a node, a lane for each that is waited for."""
        assert PipelineGraph(self.nodes).graph() == drawn("""
            ●   a
            ├─┐
            │ ● b
            ● │ c
            ├─┤
            │ ● d
            ● │ e
            ├─┘
            ●   export
        """)

    def test_status(self):
        """In place of the dots."""
        text = PipelineGraph(self.nodes).graph(status={"a": "completed", "b": "running", "c": "failed"})
        assert [line.split()[0] for line in text.splitlines()][:4:2] == ["✓", "│"]
        assert "│ ▶ b" in text
        assert "✗ │ c" in text

    def test_branches_too_long_for_one_line(self):
        """Are drawn from top to bottom as well."""
        graph = PipelineGraph([download, [[train_a] * 3, [train_b] * 2], export])
        assert graph.graph(width=36) == drawn("""
            ●   download
            ├─┐
            │ ● train-a
            │ ● train-a-2
            │ ● train-a-3
            ● │ train-b
            ● │ train-b-2
            ├─┘
            ●   export
        """)

    def test_two_pipelines_in_one(self):
        """Are not drawn as if one followed the other."""
        tangle = [*self.nodes, Node(download, needs=()), Node(convert, needs="download")]
        lines = PipelineGraph(tangle).graph().splitlines()
        place = {line.split()[-1]: line.index("●") for line in lines if "●" in line}
        assert place["export"] != place["download"]
        assert place["download"] == place["convert"]

    @given(edges(most=12))
    def test_it_can_be_read_back(self, graph):
        """Every drawing says exactly the edges that the pipeline has."""
        plan = dag(graph).plan
        text = draw_lanes(plan, {}, 1000)
        assert text is not None
        assert read_lanes(text) == reduced(plan)


def read_lanes(text):
    """The edges that a drawing shows: a line to the side leaves the node above it."""
    flows: dict[int, set[str]] = {}
    found = set()
    source, lane = "", 0
    for row in text.splitlines():
        if "●" in row:
            source, lane = row.split()[-1], row.index("●")
            above = flows.get(lane, set())
            found |= {(name, source) for name in above}
            flows = {c: names for c, names in flows.items() if c < len(row) and row[c] == "│"}
            flows[lane] = {source}
            continue
        joined = [c for c, char in enumerate(row) if char in SIDES and char not in "─│" and c % 2 == 0]
        fresh = dict(flows)
        fresh[lane] = {source} if DOWN in SIDES[row[lane]] else set()
        for c in joined:
            sides = SIDES[row[c]]
            if c == lane:
                continue
            if UP in sides and DOWN in sides:
                fresh[c] = flows[c] | {source}
            elif DOWN in sides:
                fresh[c] = {source}
            else:
                fresh[lane] |= flows[c]
                del fresh[c]
        flows = {c: names for c, names in fresh.items() if names}
    return found


class TestListing:
    def test_what_is_too_tangled(self):
        """A line a node, with what it needs, never wider than asked."""
        dice = random.Random(3)
        tangle = {f"n{i}": {f"n{dice.randrange(i)}" for _ in range(3)} if i else set() for i in range(60)}
        text = dag({**tangle, "last": set(tangle)}).graph(width=60, status={"n0": "completed"})
        lines = text.splitlines()
        assert lines[:2] == ["✓ n0", "● n1   ← n0"]
        assert len(lines) == 61
        assert max(map(len, lines)) == 60
        assert lines[-1].endswith("…")

    @given(edges())
    def test_all_needs_are_there(self, graph):
        """As they were written."""
        plan = dag(graph).plan
        lines = [re.findall(r"n\d+", line) for line in draw_list(plan, {}, 1000).splitlines()]
        assert lines == [[node.name, *node.needs] for node in plan]


class TestMermaid:
    def test_a_flowchart(self):
        """A box a node, an arrow an edge."""
        graph = PipelineGraph([download, [train_a, train_b], Node(export, each="files"), Node(A, when="on")], name="x")
        assert graph.graph("mermaid") == drawn("""
            ---
            title: "x"
            ---
            flowchart LR
                n0["download"]
                n1["train-a"]
                n2["train-b"]
                n3[["export#91;files#93;"]]
                n4{{"a?"}}
                n0 --> n1
                n0 --> n2
                n1 --> n3
                n2 --> n3
                n3 --> n4
        """)

    def test_status(self):
        """Classes with colours, only those that are needed."""
        text = PipelineGraph([A, B, C]).graph("mermaid", {"a": "completed", "b": "completed", "c": "odd"})
        assert "class n0,n1 completed" in text
        assert text.count("classDef") == 1

    @given(st.text(min_size=1).filter(lambda name: not _wrong_name(name) and len(name.splitlines()) == 1))
    def test_no_name_breaks_it(self, name):
        """Whatever has a meaning in Mermaid is written as its number."""
        text = PipelineGraph([Node(A, name=name)], name=name).graph("mermaid")
        box = next(line for line in text.splitlines() if line.startswith("    n0"))
        inside = box.removeprefix('    n0["').removesuffix('"]')
        assert not set(inside) & set("\"`<>&[]{}|'*_~@$%^\\") - {"_"}
        assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), inside) == name


def test_an_unknown_format():
    """Says what there is."""
    with pytest.raises(ValueError, match="no format 'svg'; there are 'text' and 'mermaid'"):
        PipelineGraph([A]).graph("svg")  # type: ignore[arg-type]


def test_drawings_are_stable():
    """The same pipeline is always drawn the same."""
    graph = {"d": {"a", "b"}, "a": set(), "b": {"a"}, "c": {"a"}, "e": {"b", "c"}}
    assert len({dag(graph).graph() for _ in range(5)}) == 1
