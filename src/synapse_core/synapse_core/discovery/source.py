"""Actions found in source without importing it: broken modules and missing libraries hide nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import define, field, frozen

from synapse_core.actiondef import PluginCategory
from synapse_core.actiondef.spec import action_name_of
from synapse_core.discovery.facts import ClassFacts, FunctionFacts, ModuleFacts
from synapse_core.discovery.problem import Problem
from synapse_core.discovery.sources import read_modules

_OURS = "synapse_core"
_OUR_BASE = re.compile(r"Base\w*Action")
_CATEGORIES = {member.name: member.value for member in PluginCategory}


@frozen
class SourceAction:
    """An action as its source tells; ``params_model`` is the model's name as it is written there."""

    name: str
    entrypoint: str
    root: str | None
    file: Path
    line: int
    description: str = ""
    docstring: str = field(default="", repr=False)
    category: str = PluginCategory.CUSTOM.value
    version: str = ""
    params_model: str | None = None

    @property
    def where(self) -> str:
        """``train.py:12``."""
        return f"{self.file}:{self.line}"


@frozen
class SourceScan:
    """What a static scan found: the actions by name, and what could not be read."""

    path: Path
    actions: Mapping[str, SourceAction]
    problems: tuple[Problem, ...] = ()


def scan_source(path: str | Path) -> SourceScan:
    """Find the actions in a file, or in the files of a folder, without importing anything.

    Found are classes that have `BaseAction` among their bases, directly or through other classes in the scanned
    files, and functions under `action`. Names that begin with an underscore are left out, and so are classes without
    an ``execute``.

    Raises:
        DiscoveryError: there is no such path.
    """
    path = Path(path).expanduser().absolute()
    problems: list[Problem] = []
    modules = read_modules(path, problems)
    return SourceScan(path, _by_name(_Sources(modules).actions(), problems), tuple(problems))


def _by_name(actions: Iterable[SourceAction], problems: list[Problem]) -> dict[str, SourceAction]:
    found: dict[str, SourceAction] = {}
    for action in actions:
        first = found.setdefault(action.name, action)
        if first is not action:
            message = f"two actions are called {action.name!r}; this one is left out, the other is in {first.where}"
            problems.append(Problem(action.where, message, "give one of them another action_name"))
    return found


@frozen
class _Known:
    """What is known of a class: whether ``execute`` is there, and what it says or inherits."""

    executes: bool
    said: Mapping[str, str]
    params: str | None


@define(eq=False)
class _Sources:
    """The scanned modules, and what the names in them stand for."""

    modules: list[ModuleFacts]
    _by_name: dict[str, ModuleFacts] = field(init=False)
    _classes: dict[ClassFacts, _Known | None] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self._by_name = {facts.name: facts for facts in self.modules}

    def actions(self) -> Iterator[SourceAction]:
        """Every action, by file and line."""
        for module in self.modules:
            found = [*self._class_actions(module), *self._function_actions(module)]
            yield from sorted(found, key=lambda action: action.line)

    def _class_actions(self, module: ModuleFacts) -> Iterator[SourceAction]:
        for facts in module.classes.values():
            if facts.name.startswith("_"):
                continue
            known = self._known(module, facts)
            if known is not None and known.executes:
                said = known.said
                name = said.get("action_name") or action_name_of(facts.name)
                yield self._action(module, facts, name, said, said.get("params_model") or known.params)

    def _function_actions(self, module: ModuleFacts) -> Iterator[SourceAction]:
        for facts in module.functions.values():
            for decorator, said in facts.decorators.items():
                if self._is_ours(self.resolve(module, decorator), "action") and not facts.name.startswith("_"):
                    name = said.get("name") or facts.name
                    yield self._action(module, facts, name, said, said.get("params") or facts.params)

    def _action(
        self,
        module: ModuleFacts,
        facts: ClassFacts | FunctionFacts,
        name: str,
        said: Mapping[str, str],
        params: str | None,
    ) -> SourceAction:
        category = said.get("category", "CUSTOM").rpartition(".")[2]
        return SourceAction(
            name=name,
            entrypoint=f"{module.name}:{facts.name}",
            root=module.root,
            file=module.file,
            line=facts.line,
            description=said.get("description") or facts.docstring.partition("\n")[0].strip(),
            docstring=facts.docstring,
            category=_CATEGORIES.get(category, category),
            version=said.get("version", ""),
            params_model=params,
        )

    def _known(self, module: ModuleFacts, facts: ClassFacts) -> _Known | None:
        """What is known of an action's class; None of a class that is none."""
        if facts not in self._classes:
            self._classes[facts] = None  # a class that is its own base is none
            self._classes[facts] = self._work_out(module, facts)
        return self._classes[facts]

    def _work_out(self, module: ModuleFacts, facts: ClassFacts) -> _Known | None:
        bases = [known for base in facts.bases if (known := self._base(module, base)) is not None]
        if not bases:
            return None
        said: dict[str, str] = {}
        for known in reversed(bases):
            said.update(known.said)
        executes = facts.executes if facts.executes is not None else any(known.executes for known in bases)
        params = facts.params or next((known.params for known in bases if known.params), None)
        return _Known(executes, said | facts.said, params)

    def _base(self, module: ModuleFacts, name: str) -> _Known | None:
        full = self.resolve(module, name)
        if self._is_ours(full, "BaseAction"):
            return _Known(False, {}, None)
        if full.startswith(f"{_OURS}.") and _OUR_BASE.fullmatch(full.rpartition(".")[2]):
            return _Known(True, {}, None)
        home, _, last = full.rpartition(".")
        there = self._by_name.get(home)
        return self._known(there, there.classes[last]) if there is not None and last in there.classes else None

    @staticmethod
    def _is_ours(full: str, name: str) -> bool:
        return full.endswith(f".{name}") and full.startswith(f"{_OURS}.")

    def resolve(self, module: ModuleFacts, name: str, depth: int = 0) -> str:
        """The full name of what a dotted name stands for in a module; through imports in scanned modules too."""
        head, _, rest = name.partition(".")
        tail = f".{rest}" if rest else ""
        if depth > 20 or head in module.classes or head in module.functions:
            return f"{module.name}.{name}"
        if head in module.aliases and module.aliases[head] != name:
            return self.resolve(module, module.aliases[head] + tail, depth + 1)
        if head in module.imports:
            return self._follow(_imported(module, *module.imports[head]) + tail, depth)
        return next(self._through_stars(module, name, depth), f"{module.name}.{name}")

    def _through_stars(self, module: ModuleFacts, name: str, depth: int) -> Iterator[str]:
        for level, star in module.stars:
            full = _imported(module, level, star, name)
            found = self._follow(full, depth)
            home, _, last = found.rpartition(".")
            if found.startswith(f"{_OURS}.") or last in getattr(self._by_name.get(home), "classes", ()):
                yield found

    def _follow(self, full: str, depth: int) -> str:
        """Where a scanned module has a name from, when it is not its own."""
        home, _, rest = full, "", ""
        while home and home not in self._by_name:
            home, _, part = home.rpartition(".")
            rest = f"{part}.{rest}" if rest else part
        if not home or not rest:
            return full
        return self.resolve(self._by_name[home], rest, depth + 1)


def _imported(module: ModuleFacts, level: int, base: str, name: str) -> str:
    """The full name of what an import statement names."""
    package = module.package.split(".") if level and module.package else []
    anchor = package[: len(package) - (level - 1)] if level else []
    return ".".join(part for part in [*anchor, base, name] if part)
