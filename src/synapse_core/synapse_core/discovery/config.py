"""``config.yaml``: what a plugin says of itself and its actions, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from synapse_core.actiondef import PluginCategory
from synapse_core.discovery.document import Document, parse, read_text
from synapse_core.discovery.fields import PLUGIN, Checker
from synapse_core.discovery.problem import Problem
from synapse_core.errors import DiscoveryError, FieldIssue, ValidationError

CONFIG_NAMES = ("config.yaml", "config.yml")

EXAMPLE = "name: My Plugin, code: my_plugin, version: 0.1.0, and actions: {train: {entrypoint: my_plugin.train:Train}}"


class ConfigError(ValidationError, DiscoveryError):
    """A ``config.yaml`` has wrong fields; ``issues`` has every one, ``problems`` what is strange besides."""

    def __init__(self, file: Path, issues: Sequence[FieldIssue], problems: Sequence[Problem] = ()) -> None:
        self.file = file
        self.problems = tuple(problems)
        hints = [problem.one_line() for problem in self.problems]
        super().__init__(str(file), issues, hint="; ".join(hints) or None)


@frozen
class Entry:
    """An action or a pipeline as the config names it; what it leaves out is None."""

    key: str
    entrypoint: str
    line: int
    name: str | None = None
    description: str | None = None
    method: str | None = None
    category: str | None = None
    version: str | None = None
    input_type: str | None = None
    output_type: str | None = None


@frozen
class PluginConfig:
    """A ``config.yaml``, checked.

    Keys that begin with ``x-`` are the author's own.

    Attributes:
        raw: all that the file says, as plain data.
        problems: unknown keys and near misses, which stop nothing.
    """

    path: Path
    name: str
    code: str
    version: str = ""
    category: str = PluginCategory.CUSTOM.value
    description: str = ""
    package_manager: str = "pip"
    package_manager_options: tuple[str, ...] = ()
    wheels_dir: str = "wheels"
    env: Mapping[str, Any] = field(factory=dict, repr=False)
    runtime_env: Mapping[str, Any] = field(factory=dict, repr=False)
    actions: Mapping[str, Entry] = field(factory=dict)
    pipelines: Mapping[str, Entry] = field(factory=dict)
    raw: Mapping[str, Any] = field(factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()


def find_config(folder: Path) -> Path | None:
    """The folder's config file, if it has one."""
    return next((folder / name for name in CONFIG_NAMES if (folder / name).is_file()), None)


def read_config(path: Path) -> PluginConfig:
    """Read and check a config file.

    Raises:
        DiscoveryError: it cannot be read, or is no YAML.
        ConfigError: fields are wrong; all of them are named, with their lines.
    """
    document = parse(read_text(path), path)
    if document.data is None:
        raise DiscoveryError(f"{path} is empty", hint=f"it needs {EXAMPLE}")
    checker = Checker(document, str(path), list(document.issues))
    if isinstance(document.data, dict):
        checker.mapping((), document.data, PLUGIN)
    else:
        checker.issue((), document.data, "a mapping with name, code, version, actions")
    if checker.issues:
        raise ConfigError(path, sorted(checker.issues, key=_line_of), checker.problems)
    return _config(path, document, tuple(checker.problems))


def _line_of(issue: FieldIssue) -> int:
    return int(issue.message.removeprefix("line ").partition(":")[0])


def _config(path: Path, document: Document, problems: tuple[Problem, ...]) -> PluginConfig:
    said = {key: value for key, value in document.data.items() if value is not None}
    code = said.get("code") or path.resolve().parent.name
    plain = ("category", "description", "package_manager", "wheels_dir", "env", "runtime_env")
    return PluginConfig(
        path=path,
        name=said.get("name") or code,
        code=code,
        version=_version(document, ("version",)) or "",
        package_manager_options=tuple(said.get("package_manager_options", ())),
        actions=_entries(document, "actions"),
        pipelines=_entries(document, "pipelines"),
        raw=document.data,
        problems=problems,
        **{key: said[key] for key in plain if key in said},
    )


def _entries(document: Document, section: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for key, said in (document.data.get(section) or {}).items():
        fields = {name: said[name] for name in _ENTRY_FIELDS if said.get(name) is not None}
        fields["version"] = _version(document, (section, key, "version"))
        found[key] = Entry(key=key, line=document.line((section, key)), **fields)
    return found


_ENTRY_FIELDS = ("entrypoint", "name", "description", "method", "category", "input_type", "output_type")


def _version(document: Document, path: tuple[str, ...]) -> str | None:
    """A version as it is written: 1.10, not 1.1."""
    value = document.data
    for key in path:
        value = value.get(key)
    return None if value is None else document.texts.get(path, str(value))
