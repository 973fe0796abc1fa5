"""How the graph of a run is laid out."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from synapse_core import Session
from synapse_core.events import Draft, Kind, now
from synapse_core.protocols import RunRecord

pytestmark = pytest.mark.slow

RUN = "01zzzzzzzzzzzzzzzzzzzzzz"
CORNERS = """(nodes) => nodes.map((node) => {
  const { x, y, width, height } = node.querySelector(".box").getBoundingClientRect();
  return [node.dataset.action, x, y, width, height];
})"""


def create(session: Session, nodes: list[dict[str, object]]) -> None:
    """A run of these nodes, of which nothing more is known."""
    created = Draft(Kind.RUN_CREATED, now(), None, 0, {"name": "shape", "nodes": nodes})
    session.call(session.store.create(RunRecord(RUN, "shape", {}, {}, now()), [created]))


def places(page: Page, count: int) -> dict[str, tuple[float, float]]:
    """Where the nodes stand; no two of them overlap."""
    expect(page.locator(".node")).to_have_count(count)
    boxes = page.locator(".node").evaluate_all(CORNERS)
    for index, (_, x, y, width, height) in enumerate(boxes):
        for _, other_x, other_y, *_ in boxes[:index]:
            assert abs(x - other_x) >= width or abs(y - other_y) >= height
    return {name: (x, y) for name, x, y, *_ in boxes}


def test_each_stands_behind_what_it_needs(session: Session, opened) -> None:
    """Edges go forward, one that passes a layer too; no two nodes overlap."""
    needs = {"a": [], "b": ["a"], "c": ["a"], "d": ["b"], "e": ["c", "d", "a"], "f": []}
    create(session, [{"name": name, "needs": before} for name, before in needs.items()])
    page = opened(f"#/runs/{RUN}").page
    found = places(page, 6)
    expect(page.locator(".graph path.edge")).to_have_count(6)
    for name, before in needs.items():
        assert all(found[name][0] > found[other][0] for other in before)
    assert found["a"][0] == found["f"][0]


def test_on_a_phone_it_goes_down(session: Session, opened) -> None:
    """A narrow screen has the first action at the top."""
    create(session, [{"name": "first", "needs": []}, {"name": "last", "needs": ["first"]}])
    found = places(opened(f"#/runs/{RUN}", viewport={"width": 390, "height": 800}).page, 2)
    assert found["last"][0] == found["first"][0]
    assert found["last"][1] > found["first"][1]


def test_a_cycle_does_no_harm(session: Session, opened) -> None:
    """No pipeline has one; data of somebody else's may."""
    create(session, [{"name": "a", "needs": ["b"]}, {"name": "b", "needs": ["a"]}])
    places(opened(f"#/runs/{RUN}").page, 2)
