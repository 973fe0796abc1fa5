"""The page of hooks is made from the specifications, and its examples are hooks."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from synapse_core import hookspec
from synapse_core.plugins import PluginManager
from tests.docs.blocks import blocks_of
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "hooks.md"
MAKER = runpy.run_path(str(ROOT / "docs" / "make_hooks.py"))
HOOKS = [name for name, _, _ in MAKER["specs"]()]


def test_the_page_is_what_the_specifications_say() -> None:
    """Whoever changes hookspecs.py makes the page anew."""
    assert PAGE.read_text(encoding="utf-8") == MAKER["page"](), "run: python docs/make_hooks.py"


@hookspec
def mine() -> None:
    """A hook that a plugin adds."""


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_can_be_registered(hook: str, tmp_path: Path) -> None:
    """Each hook has an example, and a plugin made of it keeps the rules."""
    found = [block for block in blocks_of(PAGE) if block.heading == hook]
    assert found, f"{hook} has no example"
    names: dict[str, object] = {"my_hookspecs": SimpleNamespace(synapse_mine=mine)}
    exec("from synapse_core import hookimpl\n" + found[0].text, names)
    manager = PluginManager(entry_points=False)
    manager.register(SimpleNamespace(**{hook: names[hook]}), "example")
    (row,) = [row for row in manager.rows() if row.name == "example"]
    assert (row.status, row.hooks) == ("active", (hook,))
