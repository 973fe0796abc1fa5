"""Finding 200 actions, in a module that is imported and in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType, ModuleType

from benchmarks.suite import Theme, Work
from benchmarks.timing import once
from synapse_core.discovery import PluginDiscovery

theme = Theme()

_ACTIONS = 200
_HEAD = '''"""Many actions."""

from attrs import frozen

from synapse_core import action


@frozen
class Params:
    x: int = 0
'''
_ACTION = '''

@action("act-{0}", description="does what {0} does", params=Params)
def act_{0}(params, ctx):
    """Does what {0} does."""
    ctx.set_progress({0}, {0})
    return {{"x": params.x}}
'''


@theme.measures("200 actions in a module", bare="its vars looked through with isinstance", target=0.9e-3)
def in_module() -> Iterator[Work]:
    """`PluginDiscovery.from_module` of a module that is imported, and the list of its actions."""
    with _source() as path:
        module = _imported(path)

        def find() -> None:
            assert len(PluginDiscovery.from_module(module).list_actions()) == _ACTIONS

        yield Work(once(find), once(lambda: [each for each in vars(module).values() if isinstance(each, FunctionType)]))


@theme.measures("200 actions in a source file", bare="ast.parse of the file", target=10e-3)
def in_source() -> Iterator[Work]:
    """`PluginDiscovery.from_source` of the file, which imports nothing, and the list of its actions."""
    with _source() as path:

        def find() -> None:
            assert len(PluginDiscovery.from_source(path).list_actions()) == _ACTIONS

        yield Work(once(find), once(lambda: ast.parse(path.read_bytes())))


@contextmanager
def _source() -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "many_actions.py"
        path.write_text(_HEAD + "".join(_ACTION.format(number) for number in range(_ACTIONS)), encoding="utf-8")
        yield path


def _imported(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
