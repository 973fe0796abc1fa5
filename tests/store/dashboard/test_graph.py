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


def create(session: Session, nodes: list[dict[str, object]], *more: Draft) -> None:
    """A run of these nodes, and what happened then."""
    created = Draft(Kind.RUN_CREATED, now(), None, 0, {"name": "shape", "nodes": nodes})
    session.call(session.store.create(RunRecord(RUN, "shape", {}, {}, now()), [created, *more]))


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


def test_of_many_instances_those_that_matter_come_first(session: Session, opened) -> None:
    """Of a large fan-out a part is listed, with what failed and what runs at its head."""
    names = [f"fan[{place}]" for place in range(250)]
    more = [Draft(Kind.ACTION_STARTED, now(), "fan", 1, {"instances": 250})]
    more += [Draft(Kind.ACTION_STARTED, now(), name, 1) for name in names]
    more += [Draft(Kind.ACTION_COMPLETED, now(), name, 1) for name in names if name not in {"fan[7]", "fan[240]"}]
    more += [Draft(Kind.ACTION_FAILED, now(), "fan[240]", 1, {"error": "no space"})]
    create(session, [{"name": "fan", "needs": []}], Draft(Kind.RUN_STARTED, now()), *more)
    row = opened(f"#/runs/{RUN}").page.locator("li[data-action=fan]")
    expect(row.locator(".detail")).to_have_text("248 of 250 done · 1 running · 1 failed")
    row.get_by_role("button").click()
    chips = row.locator(".instances li")
    expect(chips).to_have_count(200)
    expect(chips.nth(0)).to_contain_text("[240] no space")
    expect(chips.nth(1)).to_contain_text("[7]")
    expect(row.locator(".note")).to_have_text("and 50 more")
