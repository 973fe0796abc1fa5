"""The list of runs, as a browser shows it."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import expect

from synapse_core import Session
from synapse_core.errors import ExecutionError
from tests.store.dashboard.gated import failing, new_gate, training

pytestmark = pytest.mark.slow


def fail(session: Session, name: str = "refused", note: str = "this") -> str:
    """The id of a run that has failed."""
    run = session.submit(failing(name), {"gate": "", "note": note})
    with contextlib.suppress(ExecutionError):
        session.wait(run)
    return run


def test_runs_come_and_move_by_themselves(session: Session, opened) -> None:
    """A run that starts while the page is open appears, moves and ends there."""
    page = opened().page
    expect(page.locator(".note")).to_contain_text("No runs yet")
    gate = new_gate("live", 5)
    run = session.submit(training(), {"gate": "live"})
    row = page.locator(f"li[data-run='{run}']")
    expect(row.locator(".name")).to_have_text("digits")
    expect(row.locator(".pill")).to_have_text("running")
    expect(row.locator(".share")).to_have_text("83 %")
    gate.release(5)
    session.wait(run)
    expect(row.locator(".pill")).to_have_text("completed")


def test_filter_and_search(session: Session, opened) -> None:
    """By status, by a part of the name, and by id; the address keeps what was asked."""
    new_gate("search", 10)
    done = session.submit(training("digits-large"), {"gate": "search"})
    session.wait(done)
    failed = fail(session)
    page = opened().page
    rows = page.locator(".runs li")
    expect(rows).to_have_count(2)
    page.get_by_role("button", name="failed").click()
    expect(rows).to_have_count(1)
    expect(rows).to_have_attribute("data-run", failed)
    page.reload()
    expect(page.get_by_role("button", name="failed")).to_have_attribute("aria-pressed", "true")
    expect(rows).to_have_count(1)
    page.get_by_role("button", name="all").click()
    search = page.get_by_role("searchbox")
    search.fill("LARGE")
    expect(rows).to_have_count(1)
    expect(rows).to_have_attribute("data-run", done)
    search.fill(failed)
    expect(rows).to_have_attribute("data-run", failed)
    search.fill("no such thing")
    expect(page.locator(".note")).to_have_text("No run is like that.")
    search.fill("digits-l")
    expect(rows).to_have_count(1)
    page.keyboard.press("Escape")
    expect(search).to_have_value("")
    expect(rows).to_have_count(2)


def test_everything_by_keyboard(session: Session, opened) -> None:
    """Skip link, search, arrows through the list, into a run, through its graph, and back to the same line."""
    runs = [fail(session, name) for name in ("first", "second", "third")]
    page = opened().page
    focused = page.locator(":focus")
    expect(page.locator(".runs li")).to_have_count(3)
    page.keyboard.press("Tab")
    expect(focused).to_have_text("Skip to content")
    page.keyboard.press("Enter")
    expect(focused).to_have_attribute("id", "main")
    page.keyboard.press("/")
    expect(focused).to_have_attribute("type", "search")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("href", f"#/runs/{runs[2]}")
    page.keyboard.press("ArrowDown")
    expect(focused).to_have_attribute("href", f"#/runs/{runs[1]}")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("second")
    node = page.locator(".node[data-action=refuse]")
    node.focus()
    page.keyboard.press("Enter")
    expect(node).to_have_attribute("aria-pressed", "true")
    expect(page.locator("li[data-action=refuse] .more")).to_be_visible()
    page.keyboard.press("Escape")
    expect(node).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("these keys")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    expect(focused).to_have_attribute("href", f"#/runs/{runs[1]}")


def test_older_runs_are_a_page_away(session: Session, opened) -> None:
    """More runs than a page holds: a button fetches the rest."""
    runs = [session.submit(training(f"run-{place}"), {"gate": "many", "steps": 0}) for place in range(53)]
    for run in runs:
        session.wait(run)
    page = opened().page
    rows = page.locator(".runs li")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Older runs").click()
    expect(rows).to_have_count(53)
    expect(rows.last).to_have_attribute("data-run", runs[0])
    expect(page.get_by_role("button", name="Older runs")).to_be_hidden()
