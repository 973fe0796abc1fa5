"""The documentation is true: its Python runs and prints what it says, its commands work, its links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.blocks import blocks_of
from tests.docs.pages import ROOT, commands, expected, lay_out, pages, run_command, run_program, scripts, shows

PAGES = pages()
page_by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")


@page_by_page
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """All blocks, as one program; what it prints is what the comments with an arrow say, no more and no less."""
    blocks = lay_out(page, tmp_path)
    if not scripts(blocks):
        pytest.skip("no Python on this page")
    done = run_program(tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines()] == expected(blocks)
    assert done.stderr == ""


@page_by_page
def test_the_commands_of_a_page_work(page: Path, tmp_path: Path) -> None:
    """Each ``$ synapse …`` ends with the exit code that the page says, and shows the lines that it shows."""
    found = commands(lay_out(page, tmp_path))
    if not found:
        pytest.skip("no commands on this page")
    for command, code, shown in found:
        done = run_command(command, tmp_path)
        output = done.stdout + done.stderr
        assert done.returncode == code, f"$ {command}\n{output}"
        missing = shows(output, shown)
        assert missing is None, f"$ {command}\ndoes not show: {missing}\nbut:\n{output}"


@page_by_page
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
