"""Actions found in modules that are imported."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from synapse_core.actiondef import ActionSpec, BaseAction, spec_of
from synapse_core.actiondef.spec import MARK
from synapse_core.discovery.problem import Problem, clash


def scan_module(module: ModuleType, problems: list[Problem] | None = None) -> dict[str, ActionSpec]:
    """The actions that a module defines; of a package also what it takes from its own submodules.

    Found are concrete `BaseAction` classes and functions under `action`, but for names that begin with an underscore.

    Args:
        module: one that is imported.
        problems: is told of names that two actions bear; the first has it.
    """
    found: dict[str, ActionSpec] = {}
    for target in _targets(module):
        spec = spec_of(target)
        first = found.setdefault(spec.name, spec)
        if first is not spec and problems is not None:
            problems.append(clash(spec, first))
    return found


def _targets(module: ModuleType) -> Iterator[Any]:
    home = module.__name__
    below = f"{home}." if "__path__" in vars(module) else None
    for name, target in list(vars(module).items()):
        if name[:1] != "_" and _is_offered(target):
            defined = target.__module__ or ""
            if defined == home or (below is not None and defined.startswith(below)):
                yield target


def _is_offered(target: Any) -> bool:
    """Whether it is a concrete action, whatever else a module may hold: proxies raise when they are looked at."""
    if issubclass(type(target), type):
        return issubclass(target, BaseAction) and _is_concrete(target)
    try:
        return MARK in target.__dict__
    except Exception:  # noqa: BLE001  as said
        return False


def _is_concrete(action_class: type[BaseAction[Any]]) -> bool:
    if getattr(action_class, "__abstractmethods__", None):
        return False
    execute: Any = action_class.execute
    return execute is not BaseAction.execute and not getattr(execute, "__isabstractmethod__", False)


def import_submodules(package: ModuleType) -> Iterator[ModuleType | tuple[str, BaseException]]:
    """Every module in a package, imported, however deep; for one that cannot be, its name and the error.

    Programs (``__main__``) and tests are left alone.
    """
    import pkgutil
    from importlib import import_module

    for info in pkgutil.iter_modules(vars(package).get("__path__", ())):
        if info.name in {"__main__", "conftest", "tests"} or info.name.startswith("test_"):
            continue
        name = f"{package.__name__}.{info.name}"
        try:
            module = import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  somebody's module; the others are still wanted
            yield name, error
            continue
        yield module
        if info.ispkg:
            yield from import_submodules(module)
