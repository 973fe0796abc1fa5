"""A browser, a service of its own process, and a session that runs pipelines in the store that is served."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from synapse_core import Session
from synapse_core.testing.waiting import PATIENCE
from tests.store.dashboard.watching import FLAGS, Service, Watched

_PATIENCE = PATIENCE * 1000
expect.set_options(timeout=_PATIENCE)
"""Playwright's own five seconds are as long as the page's polls, and as its longest pauses before it tries again."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; where there is none it is CI's fault, and at the desk a reason to skip."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        why = "no Chromium: apt-get install -y chromium, or name it with CHROMIUM=/path"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=FLAGS, timeout=_PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that runs; it can be killed and started again on the same port."""
    service = Service(tmp_path / "runs.db")
    service.start()
    yield service
    service.kill()


@pytest.fixture
def session(service: Service, tmp_path: Path) -> Iterator[Session]:
    """Runs pipelines in this process, in the store that the service serves."""
    with Session(store=service.store, work_base=str(tmp_path / "work")) as session:
        yield session


@pytest.fixture
def opened(browser: Browser, service: Service) -> Iterator[Callable[..., Watched]]:
    """Opens pages; afterwards each must have been quiet and have stayed at home."""
    contexts: list[BrowserContext] = []
    pages: list[Watched] = []

    def open_page(address: str = "#/", **options: object) -> Watched:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page: Page = context.new_page()
        page.set_default_timeout(_PATIENCE)
        pages.append(Watched(page, service.url))
        page.goto(f"{service.url}/{address}")
        return pages[-1]

    yield open_page
    for context in contexts:
        context.close()
    for page in pages:
        page.check()
