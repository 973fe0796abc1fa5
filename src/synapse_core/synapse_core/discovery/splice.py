"""Changing values in a hand-written YAML text and leaving every other byte of it alone.

The new text is put in at the places that the parser tells. Where that cannot be done (``{flow: style}``, aliases) the
whole text is written anew by ruamel.yaml, which keeps comments, order and quotes but may move blanks. Either way the
outcome is read again before anybody gets it: it must say just what it should, and have all the comments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import frozen

from synapse_core.discovery.describe import dump
from synapse_core.discovery.document import compose, parse
from synapse_core.errors import DiscoveryError


@frozen
class Change:
    """A value to set, by its keys; a mapping to add, where the last key is not there."""

    keys: tuple[str, ...]
    value: Any


_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)


class _CannotSpliceError(Exception):
    """The text has a form in which nothing can be put in place."""


def changed(text: str, changes: Sequence[Change], path: Path) -> str:
    """The text with the changes.

    Raises:
        DiscoveryError: it cannot be changed so that it says just that.
    """
    wanted = _apply(_unshared(parse(text, path).data), changes)
    bom, body = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    for attempt in (_spliced, _rewritten):
        try:
            found = bom + attempt(body, changes, path)
            says = parse(found, path).data
            same = says == wanted or repr(says) == repr(wanted)  # a NaN is like no other
            if same and all(comment in found for comment in _COMMENT.findall(text)):
                return found
        except (_CannotSpliceError, DiscoveryError):
            continue
    lines = "; ".join(f"{'.'.join(change.keys)}: {json.dumps(change.value)}" for change in changes)
    raise DiscoveryError(f"{path} has a form that cannot be changed safely", hint=f"change it by hand: {lines}")


def _unshared(value: Any) -> Any:
    """A copy in which what aliases name stands on its own everywhere."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _apply(data: Any, changes: Iterable[Change]) -> Any:
    for change in changes:
        place = data
        for key in change.keys[:-1]:
            if place.get(key) is None:
                place[key] = {}
            place = place[key]
        place[change.keys[-1]] = change.value
    return data


# -- in place --------------------------------------------------------------------------------------------------------


def _spliced(text: str, changes: Sequence[Change], path: Path) -> str:
    root = compose(text, path)
    step = _step(root)
    newline = "\r\n" if "\r\n" in text else "\n"
    pieces = [_piece(text, root, keys, value, step) for keys, value in _grouped(root, changes)]
    at_place = groupby(sorted(pieces, key=lambda piece: (-piece.start, -piece.column)), lambda piece: piece.start)
    for start, group in at_place:
        there = list(group)
        new, end = "".join(piece.new for piece in there), there[0].end
        if there[0].lines and start and text[start - 1] != "\n":
            new = f"\n{new}".removesuffix("\n")
        text = text[:start] + new.replace("\n", newline) + text[end:]
    return text


def _grouped(root: Any, changes: Sequence[Change]) -> list[tuple[tuple[str, ...], Any]]:
    """The changes, those put together that go into a mapping which is not there yet."""
    found: dict[tuple[str, ...], Any] = {}
    for change in changes:
        keys, value = change.keys, change.value
        if len(keys) > 1 and _is_empty(_child(root, keys[0])):
            keys, value = keys[:1], {**found.get(keys[:1], {}), keys[1]: value}
        found[keys] = value
    return list(found.items())


@frozen
class _Piece:
    """What is to stand in place of a part of the text.

    ``lines`` are whole lines that are put in; of those at one place the deeper ones go first.
    """

    start: int
    end: int
    new: str
    column: int = 0
    lines: bool = False


def _piece(text: str, root: Any, keys: tuple[str, ...], value: Any, step: int) -> _Piece:
    parent = _block(root)
    for key in keys[:-1]:
        parent = _block(_child(parent, key))
    column = parent.value[0][0].start_mark.column
    name, node = _entry(parent, keys[-1])
    if node is None:
        place = _end_of(text, parent)
        return _Piece(place, place, _indented(dump({keys[-1]: value}, step), column), column, lines=True)
    if node.anchor or type(node).__name__ != "ScalarNode":
        raise _CannotSpliceError
    if not _is_empty(node):
        start = node.start_mark.index
        return _Piece(start, node.end_mark.index, _scalar(text[start], str(value)))
    place = text.index(":", name.end_mark.index) + 1  # where an empty value is, its own marks do not tell
    if isinstance(value, str):
        return _Piece(place, place, f" {_scalar('', value)}")
    place = _line_end(text, place)
    return _Piece(place, place, _indented(dump(value, step), column + step), column + step, lines=True)


def _block(node: Any) -> Any:
    """The node, where it is a mapping in block style that stands in one place only."""
    if type(node).__name__ != "MappingNode" or node.flow_style or node.anchor or not node.value:
        raise _CannotSpliceError
    return node


def _child(node: Any, key: str) -> Any:
    """The value of a key in a mapping; None where it has none, or is none."""
    return _entry(node, key)[1] if type(node).__name__ == "MappingNode" else None


def _entry(mapping: Any, key: str) -> tuple[Any, Any]:
    """The nodes of a key and its value."""
    return next(((name, value) for name, value in mapping.value if name.value == key), (None, None))


def _is_empty(node: Any) -> bool:
    """Whether nothing stands after the key, or there is no such key."""
    return node is None or (type(node).__name__ == "ScalarNode" and node.start_mark.index == node.end_mark.index)


def _end_of(text: str, mapping: Any) -> int:
    """Where the line after a block's last one begins."""
    key, value = mapping.value[-1]
    if _is_empty(value) or value.start_mark.index < key.start_mark.index:  # an alias: its node is where the anchor is
        return _line_end(text, key.end_mark.index)
    if getattr(value, "flow_style", True) is False and value.value:
        last = value.value[-1]
        return _end_of(text, value) if isinstance(last, tuple) else _line_end(text, _end_of_item(last))
    if getattr(value, "style", None) in {"|", ">"}:
        return _end_of_text_block(text, value)
    return _line_end(text, value.end_mark.index)


def _end_of_text_block(text: str, node: Any) -> int:
    """The end of a ``|`` or ``>`` text, without the blank lines after it, which belong to it only where it says +."""
    start, end = node.start_mark.index, node.end_mark.index
    if "+" in text[start : text.find("\n", start)]:
        return int(end)
    return _line_end(text, start + len(text[start:end].rstrip()))


def _end_of_item(node: Any) -> int:
    if getattr(node, "flow_style", True) is False or getattr(node, "style", None) in {"|", ">"}:
        raise _CannotSpliceError
    return int(node.end_mark.index)


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _step(root: Any) -> int:
    """By how many columns the text indents its mappings."""
    for key, value in getattr(root, "value", ()):
        if getattr(value, "flow_style", True) is False and value.value and isinstance(value.value[0], tuple):
            step = value.value[0][0].start_mark.column - key.start_mark.column
            if step > 0:
                return int(step)
    return 2


def _indented(text: str, column: int) -> str:
    return re.sub(r"^(?=.)", " " * column, text, flags=re.MULTILINE)


def _scalar(first: str, value: str) -> str:
    """A text, quoted as what it replaces was."""
    if first == "'":
        return "'" + value.replace("'", "''") + "'"
    if first == '"':
        return json.dumps(value, ensure_ascii=False)
    if first in {"|", ">", "!", "&", "*"}:
        raise _CannotSpliceError
    return dump({"k": value}).removeprefix("k: ").removesuffix("\n")


# -- anew ------------------------------------------------------------------------------------------------------------


def _rewritten(text: str, changes: Sequence[Change], path: Path) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.util import load_yaml_guess_indent

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    _, sequence, offset = load_yaml_guess_indent(text)
    yaml.indent(mapping=_step(compose(text, path)), sequence=sequence or 4, offset=2 if offset is None else offset)
    yaml.explicit_start = text.startswith("---")
    try:
        data = _apply(yaml.load(text), changes)
        out = StringIO()
        yaml.dump(data, out)
    except Exception as error:  # one more form that the library cannot keep
        raise _CannotSpliceError from error
    return out.getvalue().replace("\n", "\r\n") if "\r\n" in text else out.getvalue()
