"""One run, as a browser shows it while it goes on."""

from __future__ import annotations

import contextlib

import pytest
from playwright.sync_api import expect

from synapse_core import Session
from synapse_core.errors import ExecutionError
from synapse_core.models import RunStatus
from tests.store.dashboard.gated import failing, new_gate, training
from tests.store.dashboard.watching import LOST, Service

pytestmark = pytest.mark.slow


def test_a_run_is_followed_to_its_end(session: Session, opened) -> None:
    """Progress, graph, metrics and logs move as the run does, without a reload; then the result is there."""
    gate = new_gate("end", 3)
    run = session.submit(training(), {"gate": "end", "steps": 4, "note": "kept"})
    page = opened(f"#/runs/{run}").page
    train = page.locator("li[data-action=train]")
    expect(train.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "75")
    expect(page.locator(".node[data-action=train]")).to_have_attribute("aria-label", "train, running, 75 %")
    expect(page.locator(".node[data-action=prepare]")).to_have_class("node completed")
    expect(page.locator("li[data-action=square] .detail")).to_have_text("3 of 3 done")
    expect(page.locator(".graph path.edge")).to_have_count(2)
    loss = page.locator("figure[data-metric=loss]")
    expect(loss.locator(".now")).to_have_text("0.3333")
    expect(page.locator(".log .line .text").last).to_have_text("step 3 is done")
    expect(page.locator(".run-head .pill")).to_have_text("running")
    gate.release()
    session.wait(run)
    expect(page.locator(".run-head .pill")).to_have_text("completed")
    expect(loss.locator(".now")).to_have_text("0.25")
    expect(page.locator(".log .line .text").last).to_have_text("step 4 is done")
    expect(page.get_by_role("region", name="Result")).to_contain_text('"kept"')
    expect(page.get_by_role("region", name="Params")).to_contain_text("steps")
    expect(page).to_have_title("digits – completed · Synapse")
    expect(page.locator("#announce")).to_contain_text("completed")


def test_metrics_have_each_point_once(session: Session, opened) -> None:
    """The history that is loaded and the events that follow it make one line, without doubles."""
    gate = new_gate("points", 5)
    run = session.submit(training(), {"gate": "points", "steps": 12})
    page = opened(f"#/runs/{run}").page
    now = page.locator("figure[data-metric=loss] .now")
    expect(now).to_have_text("0.2")
    for step in range(6, 12):
        gate.release()
        expect(now).to_have_text(f"{1 / step:.4g}")
    line = page.locator("figure[data-metric=loss] .line").get_attribute("d") or ""
    assert line.count("M") + line.count("L") == 11
    gate.release()
    session.wait(run)


def test_cancel_asks_and_then_cancels(service: Service, session: Session, opened) -> None:
    """The button wants a yes; after it the run is cancelled, and resuming is explained."""
    new_gate("cancel", 1)
    run = session.submit(training(), {"gate": "cancel"})
    page = opened(f"#/runs/{run}").page
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Keep it running").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert session.progress(run).cancel_requested is False
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".run-head .pill")).to_have_text("cancelled")
    assert session.progress(run).status is RunStatus.CANCELLED
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Resume…").click()
    expect(page.get_by_role("dialog").locator("code")).to_have_text(f"synapse runs resume {run} --store {service.url}")


def test_a_failed_run_says_why(service: Service, session: Session, opened) -> None:
    """Error and traceback, the attempts before, what was never reached, and the command to run it again."""
    run = session.submit(failing(), {"gate": "", "note": "this"})
    with contextlib.suppress(ExecutionError):
        session.wait(run)
    page = opened(f"#/runs/{run}").page
    problem = page.locator(".problem")
    expect(problem).to_contain_text("ValueError: cannot use this")
    problem.locator("summary").click()
    expect(problem.locator("pre")).to_contain_text("in execute")
    flaky = page.locator("li[data-action=flaky]")
    expect(flaky.locator(".tries")).to_have_text("attempt 2")
    flaky.get_by_role("button").first.click()
    expect(flaky.locator(".attempt summary")).to_contain_text("the first attempt never works")
    expect(page.locator("li[data-action=prepare] .detail")).to_contain_text("not started")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Run again…").click()
    code = page.get_by_role("dialog").locator("code")
    expect(code).to_have_text(f"synapse runs rerun {run} --from refuse --store {service.url}")
    page.get_by_role("combobox", name="From action").select_option("flaky")
    expect(code).to_have_text(f"synapse runs rerun {run} --from flaky --store {service.url}")


@pytest.mark.parametrize("end", [Service.kill, Service.stop])
def test_the_page_survives_a_restart(session: Session, service: Service, opened, end) -> None:
    """The service is gone, and the page says so; it goes on where the run is when the service is back."""
    gate = new_gate("restart", 2)
    run = session.submit(training(), {"gate": "restart", "steps": 6})
    watched = opened(f"#/runs/{run}")
    watched.allowed = f"{LOST}|503"
    page = watched.page
    bar = page.locator("li[data-action=train] [role=progressbar]")
    expect(bar).to_have_attribute("aria-valuenow", "33")
    end(service)
    expect(page.locator("#link")).to_contain_text("Connection lost")
    gate.release(2)
    service.start()
    expect(bar).to_have_attribute("aria-valuenow", "67")
    expect(page.locator("#link")).to_have_text("")
    expect(page.locator(".log .line .text").last).to_have_text("step 4 is done")
    gate.release(2)
    session.wait(run)
    expect(page.locator(".run-head .pill")).to_have_text("completed")
    expect(page.locator(".log .line .text")).to_have_text(
        ["prepared ", *(f"step {step} is done" for step in range(1, 7))]
    )


def test_a_service_that_is_away_is_waited_for(session: Session, service: Service, opened) -> None:
    """A run that is opened while the service is gone is shown when it is back."""
    new_gate("away", 10)
    run = session.submit(training(), {"gate": "away"})
    session.wait(run)
    watched = opened()
    watched.allowed = LOST
    page = watched.page
    expect(page.locator(f"li[data-run='{run}'] .pill")).to_have_text("completed")
    service.kill()
    page.locator(f"li[data-run='{run}'] a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The service does not answer.")
    service.start()
    expect(page.get_by_role("heading", level=1)).to_have_text("digits")
    expect(page.locator("#link")).to_have_text("")


def test_a_run_that_is_not_there(opened) -> None:
    """An address of no run is told in words."""
    watched = opened("#/runs/01a1fcf42b370000097bc99c")
    watched.allowed = "404"
    expect(watched.page.get_by_role("heading", level=1)).to_have_text("There is no such run.")
