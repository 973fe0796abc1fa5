"""A YAML file as plain data that remembers its lines, and what is wrong with it as YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from synapse_core.errors import DiscoveryError, FieldIssue

if TYPE_CHECKING:
    from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Keys = tuple[str | int, ...]

LARGEST = 10 * 1024 * 1024
_MOST_VALUES = 1_000_000
_TAG = "tag:yaml.org,2002:"


@frozen
class Document:
    """Plain data: dicts, lists, text, numbers, booleans, None.

    Attributes:
        data: what the file says.
        lines: the line of each value, by path.
        texts: a scalar as it is written, by path: ``1.10`` where the data has 1.1.
        issues: keys used twice, and values that no plain YAML has.
    """

    data: Any
    lines: Mapping[Keys, int]
    texts: Mapping[Keys, str]
    issues: tuple[FieldIssue, ...] = ()

    def line(self, path: Keys) -> int:
        """The line of a value, or of what it stands in."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_text(path: Path) -> str:
    """The text of a file, its line ends as they are.

    Raises:
        DiscoveryError: it cannot be read, is no UTF-8, or is too large to be a config.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DiscoveryError(f"{path} has more than {LARGEST >> 20} MiB", hint="a config.yaml has a few kB")
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise DiscoveryError(
            f"{path} cannot be read: {error.strerror}", hint="check the path and its rights"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = f"byte 0x{error.object[error.start]:02x}"
        raise DiscoveryError(f"{path}:{line}: not UTF-8 ({byte})", hint="save the file as UTF-8") from error


def parse(text: str, path: Path) -> Document:
    """The document of a text; ``path`` is named in what is raised.

    Raises:
        DiscoveryError: it is no YAML; the message has the line.
    """
    try:
        node = compose(text, path)
        reading = _Reading(path)
        data = None if node is None else reading.value(node, ())
    except RecursionError as error:
        raise DiscoveryError(f"{path}: nested too deeply", hint="a config.yaml is a few levels deep") from error
    return Document(data, reading.lines, reading.texts, tuple(reading.issues))


def compose(text: str, path: Path) -> Node | None:
    """The tree of a text, with the places of its values; None where it is empty.

    Raises:
        DiscoveryError: it is no YAML; the message has the line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False
        node: Node | None = yaml.compose(text.removeprefix("\ufeff"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise DiscoveryError(f"{at}: not valid YAML: {error.problem or error.context}", hint=_hint(error)) from error
    except YAMLError as error:
        raise DiscoveryError(f"{path}: not valid YAML: {_first_line(error)}", hint=_CHARACTERS) from error
    except RecursionError:
        raise
    except Exception as error:  # what the parser lets slip on some broken input, such as a malformed %-directive
        raise DiscoveryError(f"{path}: not valid YAML: {_first_line(error)}", hint=_CHARACTERS) from error
    return node


_CHARACTERS = "look for control characters and stray % lines; save the file as plain UTF-8 text"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _hint(error: Any) -> str:
    said = f"{error.problem} {error.context}"
    if "\\t" in said or "tab" in said:
        return "indent with spaces, not with tabs"
    if "mapping values are not allowed" in said:
        return "indent the line as its neighbours are, and put text that has ': ' in it in quotes"
    if "undefined alias" in said:
        return "put text that begins with * in quotes"
    if "single document" in said:
        return "a config has one document: take the second --- out"
    return "look at the indentation and the quotes there and in the line above"


@frozen
class _Reading:
    """Turns a tree into plain data."""

    file: Path
    lines: dict[Keys, int] = field(factory=dict)
    texts: dict[Keys, str] = field(factory=dict)
    issues: list[FieldIssue] = field(factory=list)
    _done: dict[int, tuple[Any, int]] = field(factory=dict)
    _open: set[int] = field(factory=set)

    def value(self, node: Node, path: Keys) -> Any:
        """The plain value; a node that several aliases name is read once."""
        self.lines[path] = node.start_mark.line + 1
        if id(node) in self._open:
            self._issue(node, path, "an alias to what it stands in", "a value")
            return None
        if id(node) not in self._done:
            self._open.add(id(node))
            self._done[id(node)] = self._reader(node)(node, path)
            self._open.discard(id(node))
        value, size = self._done[id(node)]
        if size > _MOST_VALUES:
            raise DiscoveryError(
                f"{self.file}:{self.lines[path]}: aliases make more than {_MOST_VALUES:,} values of this",
                hint="write out what is meant",
            )
        return value

    def _reader(self, node: Any) -> Callable[[Any, Keys], tuple[Any, int]]:
        readers: dict[str, Callable[[Any, Keys], tuple[Any, int]]] = {
            "MappingNode": self._mapping,
            "SequenceNode": self._sequence,
            "ScalarNode": self._scalar,
        }
        return readers[type(node).__name__]

    def _size(self, nodes: list[Any]) -> int:
        return 1 + sum(self._done.get(id(each), (None, 1))[1] for each in nodes)

    def _sequence(self, node: SequenceNode, path: Keys) -> tuple[Any, int]:
        if str(node.tag) != f"{_TAG}seq":
            self._strange_tag(node, path)
        return [self.value(each, (*path, index)) for index, each in enumerate(node.value)], self._size(node.value)

    def _mapping(self, node: MappingNode, path: Keys) -> tuple[Any, int]:
        if str(node.tag) != f"{_TAG}map":
            self._strange_tag(node, path)
        found: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        seen: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if str(key_node.tag) == f"{_TAG}merge":
                merged |= self._merged(value_node, path)
                continue
            key = self._key(key_node, path)
            if key in seen:
                at = key_node.start_mark.line + 1
                self.issues.append(_issue((*path, key), at, f"the key is there twice; first in line {seen[key]}"))
                continue
            seen[key] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, (*path, key))
            self.lines[*path, key] = seen[key]
        return merged | found, self._size([each for _, each in node.value])

    def _key(self, node: Any, path: Keys) -> Any:
        if type(node).__name__ != "ScalarNode":
            self._issue(node, path, "a list or mapping as a key", "text")
            return f"line {node.start_mark.line + 1}"
        return self._plain(node, path)

    def _merged(self, node: Any, path: Keys) -> dict[Any, Any]:
        """What ``<<: *base`` brings; what a mapping says itself goes before it."""
        value = self.value(node, (*path, "<<"))
        parts = value if isinstance(value, list) else [value]
        merged: dict[Any, Any] = {}
        for part in parts:
            if isinstance(part, dict):
                merged = part | merged
            else:
                self._issue(node, (*path, "<<"), kind_of(part), "a mapping")
        return merged

    def _scalar(self, node: ScalarNode, path: Keys) -> tuple[Any, int]:
        self.texts[path] = node.value
        return self._plain(node, path), 1

    def _plain(self, node: ScalarNode, path: Keys) -> Any:
        tag, text = str(node.tag), node.value
        read = _SCALARS.get(tag.removeprefix(_TAG))
        if read is None:
            self._strange_tag(node, path)
            return text
        try:
            return read(text)
        except ValueError:
            self._issue(node, path, f"{text[:40]!r}", f"what its tag {tag.rpartition(':')[2]!r} says")
            return text

    def _strange_tag(self, node: Node, path: Keys) -> None:
        tag = str(node.tag).replace(_TAG, "!!")
        self._issue(node, path, f"the tag {tag}", "plain YAML: text, numbers, lists and mappings")

    def _issue(self, node: Node, path: Keys, found: str, wanted: str) -> None:
        self.issues.append(_issue(path, node.start_mark.line + 1, f"wanted {wanted}, found {found}", found, wanted))


def _issue(path: Keys, line: int, message: str, found: str = "", wanted: str = "") -> FieldIssue:
    return FieldIssue(dotted(path), f"line {line}: {message}", found, wanted)


def dotted(path: Keys) -> str:
    """``actions.train.tags[2]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def kind_of(value: Any) -> str:
    """What a value is, in a reader's words."""
    if value is None:
        return "nothing"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    try:
        return int(digits, 0)
    except ValueError:
        return int(digits)


def _number(text: str) -> float:
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "timestamp": str,
    "int": _integer,
    "float": _number,
    "bool": lambda text: text.lower() in {"true", "yes", "on", "y"},
    "null": lambda _: None,
}
