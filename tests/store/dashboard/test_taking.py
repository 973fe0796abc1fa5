"""Runs that are taken up from the page, by the service's runner; and what the page says of runs that nobody runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from synapse_core.testing import wait_until
from synapse_store import PipelineServiceClient
from tests.store.dashboard.watching import Service

pytestmark = pytest.mark.slow

FLOW = """
import time
from pathlib import Path
from attrs import frozen
from synapse_core import ActionPipeline, action

@frozen
class Rows:
    rows: int
    times: int = 2

@frozen
class Nothing:
    pass

@action("load", params=Nothing)
def load(params, ctx):
    return {"rows": 3}

@action("train", params=Rows)
def train(params, ctx):
    while Path(__file__).with_name("wait").exists():
        ctx.check()
        time.sleep(0.02)
    if Path(__file__).with_name("broken").exists():
        raise ValueError("no luck")
    return {"score": params.rows * params.times}

pipeline = ActionPipeline([load, train], name="flow")
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "flow.py").write_text(FLOW)
    return folder


@pytest.fixture
def service(tmp_path: Path, code: Path) -> Iterator[Service]:
    service = Service(tmp_path / "runs.db", options=("--runner", str(code)))
    service.start()
    yield service
    service.kill()


@pytest.fixture
def client(service: Service) -> Iterator[PipelineServiceClient]:
    with PipelineServiceClient(service.url) as found:
        yield found


def run(service: Service, code: Path) -> subprocess.Popen[bytes]:
    args = ["run", f"{code}/flow.py:pipeline", "--store", service.store, "-q"]
    command = [sys.executable, "-m", "synapse_core.cli", *args]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_resume_and_rerun_by_a_button(service: Service, client, code: Path, opened) -> None:
    """The page goes to the new run; params can be given, and what is wrong is told in the dialog."""
    (code / "broken").touch()
    run(service, code).wait(60)
    (failed,) = client.list_runs()
    watched = opened(f"#/runs/{failed.id}")
    watched.allowed = "409|422"
    page = watched.page
    (code / "broken").unlink()
    page.get_by_role("button", name="Resume…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Or type it").click()
    expect(dialog.locator("code")).to_have_text(f"synapse runs resume {failed.id} --store {service.url}")
    dialog.get_by_text("With other params").click()
    dialog.get_by_role("textbox").fill("{")
    dialog.get_by_role("button", name="Resume").click()
    expect(dialog.get_by_role("alert")).to_contain_text("no JSON")
    dialog.get_by_role("textbox").fill('{"times": 5}')
    dialog.get_by_role("button", name="Resume").click()
    expect(page.locator(".run-head .pill")).to_have_text("completed")
    expect(page.get_by_role("region", name="Result")).to_contain_text("15")
    assert failed.id not in page.url
    expect(page.locator("li[data-action=load]")).to_have_class("skipped")
    (code / "flow.py").write_text(FLOW.replace('"rows": 3', '"rows": 4'))
    page.get_by_role("button", name="Run again…").click()
    page.get_by_role("combobox", name="From action").select_option("train")
    dialog.get_by_role("button", name="Run again").click()
    expect(dialog.get_by_role("alert")).to_contain_text("load")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("region", name="Result")).to_contain_text("20")


def test_a_run_whose_engine_died_is_gone_on_with(service: Service, client, code: Path, opened) -> None:
    """The page says that nobody runs it any more; its button has the runner go on."""
    (code / "wait").touch()
    process = run(service, code)
    wait_until(client.list_runs, "the run")
    (found,) = client.list_runs()
    page = opened(f"#/runs/{found.id}").page
    expect(page.locator("li[data-action=train]")).to_have_class("running")
    orphan = page.get_by_text("Nobody runs this run any more")
    expect(orphan).to_be_hidden()
    process.kill()
    process.wait(30)
    expect(orphan).to_be_visible()
    page.get_by_role("button", name="Go on…").click()
    page.get_by_role("dialog").get_by_role("button", name="Go on").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(orphan).to_be_hidden()
    (code / "wait").unlink()
    expect(page.locator(".run-head .pill")).to_have_text("completed")
    expect(page.locator("li[data-action=train] .tries")).to_have_text("attempt 2")


def test_a_run_that_is_deleted_while_its_page_is_open(service: Service, client, code: Path, opened) -> None:
    """One that waits to be run is told at once; of one that has ended, when something is asked of it."""
    made = client.create_run(client.create_pipeline("p", [{"name": "a", "entrypoint": "m:A"}]).id)
    run(service, code).wait(60)
    ended = next(each for each in client.list_runs() if each.status == "completed")
    watched = opened(f"#/runs/{made.id}")
    watched.allowed = "404"  # it may just then look whether anybody runs the run
    page = watched.page
    expect(page.locator(".run-head .pill")).to_have_text("pending")
    watched = opened(f"#/runs/{ended.id}")
    watched.allowed = "404"
    other = watched.page
    expect(other.get_by_role("button", name="Run again…")).to_be_visible()
    client.delete_run(made.id)
    client.delete_run(ended.id)
    expect(page.get_by_text("This run was deleted.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    other.get_by_role("button", name="Run again…").click()
    other.get_by_role("dialog").get_by_role("button", name="Run again").click()
    expect(other.get_by_role("alert").last).to_contain_text("there is no run")
    other.keyboard.press("Escape")
    expect(other.get_by_text("This run was deleted.")).to_be_visible()
    expect(other.get_by_role("button", name="Run again…")).to_be_disabled()
