"""The documentation is true: its Python runs and prints what it says, its commands work, its links lead somewhere."""

import re
import runpy
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import synapse_core
import synapse_store
from synapse_core.models import ActionProgress, ActionStatus, PipelineProgress, RunStatus
from tests.docs.blocks import Block, blocks_of
from tests.docs.pages import ROOT, commands, expected, lay_out, pages, run_command, run_program, scripts, shows

PAGES = pages()


def each_page(wanted: Callable[[list[Block]], object] = bool) -> pytest.MarkDecorator:
    """A test for every page whose blocks have what is wanted."""
    found = [page for page in PAGES if wanted(blocks_of(page)) or wanted is bool]
    marked = [pytest.param(page, marks=pytest.mark.slow if starts_ray(page) else ()) for page in found]
    return pytest.mark.parametrize("page", marked, ids=[str(page.relative_to(ROOT)) for page in found])


def starts_ray(page: Path) -> bool:
    """Whether the page's program needs a cluster, which takes its time."""
    return any("synapse_ray" in block.text for block in scripts(blocks_of(page)))


LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.timeout(300)
@each_page(scripts)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """All blocks, as one program; what it prints is what the comments with an arrow say, no more and no less."""
    blocks = lay_out(page, tmp_path)
    done = run_program(tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines()] == expected(blocks)
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.timeout(300)
@each_page(commands)
def test_the_commands_of_a_page_work(page: Path, tmp_path: Path) -> None:
    """Each ``$ synapse …`` ends with the exit code that the page says, and shows the lines that it shows."""
    for command, code, shown in commands(lay_out(page, tmp_path)):
        done = run_command(command, tmp_path)
        output = done.stdout + done.stderr
        assert done.returncode == code, f"$ {command}\n{output}"
        missing = shows(output, shown)
        assert missing is None, f"$ {command}\ndoes not show: {missing}\nbut:\n{output}"


@each_page()
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Files are there, and headings in them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for link in LINK.findall(text):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.is_relative_to(ROOT)
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_import_lines_for_those_who_migrate_work() -> None:
    """Each line of the table on the right side imports what it says."""
    text = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
    lines = re.findall(r"\| `(from synapse_core[^`]+)` \|", text)
    assert len(lines) > 10
    for line in lines:
        exec(line, {})


def test_every_error_is_explained() -> None:
    """Each public one is on the page of errors, and nothing is there that is none."""
    public = {**vars_of(synapse_core), **vars_of(synapse_store)}
    errors = {name for name, thing in public.items() if isinstance(thing, type) and issubclass(thing, BaseException)}
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| (?:— )?`(\w+)` \|", text, flags=re.MULTILINE))
    assert errors == rows


def vars_of(package: ModuleType) -> dict[str, object]:
    """What a package has for everybody."""
    return {name: getattr(package, name) for name in package.__all__}


def test_the_picture_loads_nothing_and_can_be_drawn_anew() -> None:
    """The committed picture is SVG by itself, and so is what its program draws of a state."""
    draw = runpy.run_path(str(ROOT / "docs" / "picture.py"))["picture"]
    action = ActionProgress("train", ActionStatus.RUNNING, progress=0.5)
    drawn = draw(PipelineProgress(name="demo", status=RunStatus.RUNNING, progress=(action,)))
    for svg in ((ROOT / "docs" / "img" / "demo.svg").read_text(encoding="utf-8"), drawn):
        texts = "".join(ET.fromstring(svg).itertext())
        assert "train" in texts
        assert "running" in texts
        assert not re.search(r"url\(['\"]?https?:|href=['\"]https?:|@import", svg)


def test_every_page_is_reached_from_the_index() -> None:
    """No page of the documentation is one that only its author knows."""
    linked = LINK.findall((ROOT / "docs" / "index.md").read_text(encoding="utf-8"))
    assert {page.name for page in PAGES if page.parent.name == "docs"} - {"index.md"} <= set(linked)


def test_a_block_is_left_out_only_for_a_reason() -> None:
    """Blocks that are not run say why; there are few of them."""
    skipped = [str(block) for page in PAGES for block in blocks_of(page) if block.skip is not None]
    assert len(skipped) <= 5, skipped


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [("a\nc", None), ("c\na", "a"), ("b … x", None), ("b 1", "b 1"), ("d", "d")],
)
def test_what_is_shown_is_looked_for_in_order(wanted: str, missing: str | None) -> None:
    """The harness finds what is there, and tells what is not."""
    assert shows("a\nb 12 x\nc", wanted) == missing
