"""On a phone, in the dark, without motion."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from synapse_core import Session
from tests.store.dashboard.test_list import fail

pytestmark = pytest.mark.slow

OVERFLOW = "() => { scrollTo(100, 0); return scrollX; }"
CONTRASTS = """() => {
  const light = (rgb) => {
    const bent = (n) => (n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.match(/[\\d.]+/g).slice(0, 3).map((n) => bent(n / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (!/^rgba\\(.*, 0\\)$|^color|transparent/.test(colour)) return colour;
    }
  };
  const says = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const all = [...document.querySelectorAll("main *, header *")];
  return all.filter((e) => e.checkVisibility() && says(e) && !e.closest("svg, :disabled")).map((e) => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    return [e.textContent.slice(0, 40), (a + 0.05) / (b + 0.05)];
  }).filter(([, contrast]) => contrast < 4.5);
}"""


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_wider_than_a_phone(session: Session, opened, width: int) -> None:
    """Neither the list nor a run scrolls sideways."""
    run = fail(session, "a-name-that-is-rather-long-" * 4)
    page = opened(viewport={"width": width, "height": 800}).page
    expect(page.locator(".runs li")).to_have_count(1)
    assert page.evaluate(OVERFLOW) == 0
    page.locator(".runs a").click()
    expect(page.locator(".graph > svg")).to_be_visible()
    expect(page).to_have_url(f"{page.url.split('#')[0]}#/runs/{run}")
    assert page.evaluate(OVERFLOW) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(session: Session, opened, scheme: str) -> None:
    """Every text has a contrast of 4.5 to what it stands on."""
    run = fail(session)
    page = opened(color_scheme=scheme).page
    expect(page.locator(".runs li")).to_have_count(1)
    assert page.evaluate(CONTRASTS) == []
    page.goto(page.url.split("#")[0] + f"#/runs/{run}")
    expect(page.locator(".log .rows > *")).not_to_have_count(0)
    expect(page.locator(".run-head .pill")).to_have_text("failed")
    assert page.evaluate(CONTRASTS) == []


def test_without_motion(session: Session, opened) -> None:
    """Who wants no motion gets none."""
    run = fail(session)
    page = opened(f"#/runs/{run}", reduced_motion="reduce").page
    expect(page.locator(".graph > svg")).to_be_visible()
    moving = "[...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).animationName !== 'none').length"
    assert page.evaluate(moving) == 0
