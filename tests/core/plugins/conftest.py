"""A folder of real little distributions on the path, as pip would leave them."""

import importlib
import importlib.metadata
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse_core.plugins import PluginManager, PluginProblem, PluginRow

# What the environment has beside the tests' own must not change what a test sees.
OTHERS = [point.dist.name for point in importlib.metadata.entry_points(group="synapse") if point.dist]


class Site:
    """Installs plugins for the length of a test."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        importlib.invalidate_caches()
        return file

    def install(self, name: str, code: str, *, version: str = "0.1", distribution: str = "", points: str = "") -> None:
        """Installs the distribution ``synapse-NAME``: a module ``NAME`` that is the plugin ``NAME``."""
        distribution = distribution or f"synapse-{name}"
        info = f"{distribution.replace('-', '_')}-{version}.dist-info"
        self.write(f"{name}.py", code)
        self.write(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        self.write(f"{info}/entry_points.txt", f"[synapse]\n{points or f'{name} = {name}'}\n")

    def is_ours(self, module: object) -> bool:
        return str(getattr(module, "__file__", "")).startswith(str(self.root))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    site.root.mkdir()
    monkeypatch.syspath_prepend(str(site.root))
    yield site
    for name in [name for name, module in sys.modules.items() if site.is_ours(module)]:
        del sys.modules[name]


@pytest.fixture
def problems() -> list[PluginProblem]:
    """What managers made by ``manage`` have told of."""
    return []


@pytest.fixture
def manage(problems: list[PluginProblem]) -> Callable[..., PluginManager]:
    """Makes a manager without the built-in plugins; without the installed ones too, unless asked for."""

    def make(*plugins: object, block: Iterable[str] = (), allow: Iterable[str] = (), **options: Any) -> PluginManager:
        quiet = {"builtins": (), "entry_points": False, "on_problem": problems.append}
        given = plugins or options.pop("plugins", ())
        return PluginManager(plugins=given, block=[*block, *(set(OTHERS) - set(allow))], **{**quiet, **options})

    return make


@pytest.fixture
def row() -> Callable[[PluginManager, str], PluginRow]:
    """The one row of a plugin."""

    def find(pm: PluginManager, name: str) -> PluginRow:
        (found,) = [row for row in pm.rows() if row.name == name]
        return found

    return find
