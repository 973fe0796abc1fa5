"""What people and programs write is text, however it looks; and much of it is not too much."""

from __future__ import annotations

import attrs
import pytest
from playwright.sync_api import expect

from synapse_core import Session
from synapse_core.events import Draft, Kind, now
from tests.store.dashboard.gated import new_gate, training
from tests.store.dashboard.test_list import fail
from tests.store.dashboard.watching import LOST, Service, Watched

pytestmark = pytest.mark.slow

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'&lt;"


def test_markup_stays_text(session: Session, opened) -> None:
    """In names, params, errors, tracebacks, logs, metrics and actions: nothing becomes an element."""
    run = fail(session, "nice", EVIL)
    kinds: list[tuple[str, dict[str, object]]] = [
        (Kind.ACTION_LOG, {"level": EVIL, "message": EVIL}),
        (Kind.ACTION_METRICS, {"category": EVIL, "metrics": {EVIL: 1.5}}),
        (Kind.ACTION_STARTED, {}),
        (Kind.ACTION_MESSAGE, {"message": EVIL}),
    ]
    nodes = [{"name": EVIL, "needs": []}, {"name": "javascript:alert(3)", "needs": [EVIL, "nowhere"]}]
    created = Draft(Kind.RUN_CREATED, now(), None, 0, {"name": EVIL, "nodes": nodes})
    record = session.call(session.store.record(run))
    bad = attrs.evolve(record, id="01zzzzzzzzzzzzzzzzzzzzzz", name=EVIL, params={EVIL: EVIL})
    drafts = [created, Draft(Kind.RUN_STARTED, now())]
    session.call(session.store.create(bad, [*drafts, *(Draft(kind, now(), EVIL, 1, data) for kind, data in kinds)]))
    page = opened().page
    expect(page.locator(f"li[data-run='{bad.id}'] .name")).to_have_text(EVIL)
    expect(page.locator(f"li[data-run='{run}'] .error-line")).to_contain_text("cannot use <img src=x")
    page.goto(page.url.split("#")[0] + f"#/runs/{bad.id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    expect(page.locator(".node text").first).to_contain_text("<img")
    expect(page.locator(".log .line .text").first).to_have_text(EVIL)
    expect(page.locator(".plot .name")).to_have_text(f"{EVIL}/{EVIL}")
    expect(page.get_by_role("region", name="Params")).to_contain_text("<script>alert(2)")
    page.locator(".actions button").first.click()
    assert page.evaluate("document.querySelectorAll('main img, main script, body > script').length") == 0
    page.goto(page.url.split("#")[0] + f"#/runs/{run}")
    expect(page.locator(".problem")).to_contain_text("<script>alert(2)</script>")


def test_a_hundred_thousand_lines(session: Session, opened) -> None:
    """The log of them is drawn in part, filtered whole, and the page answers."""
    new_gate("much", 0)
    run = session.submit(training(), {"gate": "much", "steps": 1})
    assert any(event.kind == Kind.ACTION_LOG for event in session.stream_events(run))  # the action's own is the first
    for start in range(0, 100_000, 10_000):
        lines = [
            Draft(
                Kind.ACTION_LOG,
                now(),
                "train",
                1,
                {"level": "error" if n % 1000 == 0 else "debug", "message": f"line {n}"},
            )
            for n in range(start, start + 10_000)
        ]
        session.call(session.store.append(run, lines))
    page = opened(f"#/runs/{run}").page
    count = page.locator(".count")
    expect(count).to_contain_text("100,001 lines")
    expect(page.locator(".log .line .text").last).to_have_text("line 99999")
    assert page.locator(".log .line").count() < 100
    page.get_by_label("Least level").select_option("error")
    expect(count).to_have_text("100 of 100,001 lines")
    expect(page.locator(".log .line .text").last).to_have_text("line 99000")
    page.get_by_label("Least level").select_option("debug")
    page.get_by_label("Search the log").fill("line 4242")
    expect(page.locator(".log .line .text").first).to_have_text("line 4242")
    page.get_by_label("Search the log").fill("")
    page.locator(".log").evaluate("(pane) => pane.scrollTo(0, 0)")
    expect(page.get_by_label("Follow")).not_to_be_checked()
    expect(page.locator(".log .line .text").first).to_contain_text("prepared")
    session.cancel(run)


def test_sign_in(browser, tmp_path) -> None:
    """With a token: a form asks for it, a wrong one is refused, the right one opens pages and streams; none is kept."""
    service = Service(tmp_path / "secret.db", token="open-sesame")
    service.start()
    try:
        with Session(store=service.store, work_base=str(tmp_path / "work")) as session:
            gate = new_gate("secret", 1)
            run = session.submit(training(), {"gate": "secret", "steps": 2})
            page = browser.new_page()
            watched = Watched(page, service.url)
            watched.allowed = f"401|{LOST}"
            page.goto(f"{service.url}/#/runs/{run}")
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("Token").fill("wrong")
            page.keyboard.press("Enter")
            expect(dialog.get_by_role("alert")).to_have_text("That is not the token.")
            dialog.get_by_label("Token").fill("open-sesame")
            dialog.get_by_role("button", name="Sign in").click()
            bar = page.locator("li[data-action=train] [role=progressbar]")
            expect(bar).to_have_attribute("aria-valuenow", "50")
            gate.release()
            expect(bar).to_have_attribute("aria-valuenow", "100")
            assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
            assert "sesame" not in page.content() + page.url
            session.wait(run)
            page.close()
            watched.check()
    finally:
        service.kill()
