"""From nested lists to named nodes with the needs that their places say.

A list is a sequence. A list inside a sequence is a set of parallel branches, and a list inside that set is a
sequence again, and so on inwards; a tuple is a sequence wherever it stands::

    [Download, [TrainA, [TrainB, EvalB]], Compare]      # TrainA beside (TrainB, then EvalB)
    [Download, [TrainA, (TrainB, EvalB)], Compare]      # the same

What follows a set comes after the last action of every branch. A node that says its own ``needs`` (none at all:
``needs=()``) is placed by them; what follows it in the list still comes after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define, field

from synapse_core.actiondef import ActionSpec, is_action, spec_of
from synapse_core.errors import DiscoveryError, nearest
from synapse_core.pipeline.expressions import PARAMS
from synapse_core.pipeline.node import Node

_MAX_NAME = 200
_BAD = re.compile(r"[/\\\[\]\x00-\x1f\x7f]|^\s|\s$|^\.")


@define(eq=False)
class Placed:
    """A node in the making; ``needs`` are indices into the list of all."""

    node: Node
    spec: ActionSpec
    where: str
    needs: Sequence[int]
    name: str = ""


@define
class Layout:
    """Reads nested lists; what is wrong is collected in ``problems``."""

    placed: list[Placed] = field(factory=list)
    problems: list[str] = field(factory=list)

    def read(self, actions: Iterable[Any]) -> list[Placed]:
        """All nodes, in the order they are written, named and with their needs resolved."""
        self._sequence(list(actions), (), "actions")
        if not self.placed and not self.problems:
            self.problems.append("it has no actions")
        self._name()
        self._resolve()
        return self.placed

    # -- places -------------------------------------------------------------------------------------------------

    def _sequence(self, items: Sequence[Any], before: Sequence[int], where: str) -> Sequence[int]:
        for index, item in enumerate(items):
            before = self._item(item, before, f"{where}[{index}]", in_sequence=True)
        return before

    def _parallel(self, items: Sequence[Any], before: Sequence[int], where: str) -> Sequence[int]:
        last: list[int] = []
        for index, item in enumerate(items):
            last += self._item(item, before, f"{where}[{index}]", in_sequence=False)
        return last

    def _item(self, item: Any, before: Sequence[int], where: str, *, in_sequence: bool) -> Sequence[int]:
        if not isinstance(item, list | tuple):
            return self._place(item, before, where)
        if not item:
            self.problems.append(f"{where} is an empty list")
            return before
        if in_sequence and isinstance(item, list):
            return self._parallel(item, before, where)
        return self._sequence(item, before, where)

    def _place(self, item: Any, before: Sequence[int], where: str) -> Sequence[int]:
        node = item if isinstance(item, Node) else Node(item)
        try:
            spec = spec_of(node.action)
        except DiscoveryError as error:
            self.problems.append(f"{where}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
            return before
        if isinstance(spec.target, type) and not is_action(spec.target):
            self.problems.append(f"{where}: {spec.target.__qualname__} is no action: it has no execute()")
        self.placed.append(Placed(node, spec, where, before))
        return (len(self.placed) - 1,)

    # -- names --------------------------------------------------------------------------------------------------

    def _name(self) -> None:
        taken: dict[str, str] = {}
        for placed in self.placed:
            name = placed.node.name
            if name is None:
                continue
            if name in taken:
                self.problems.append(f"two nodes are named {name!r}: {taken[name]} and {placed.where}")
            elif self._check_name(name, placed):
                taken[name] = placed.where
            placed.name = str(name)
        uses: dict[str, int] = {}
        for placed in self.placed:
            if placed.node.name is None:
                placed.name = self._free_name(placed, taken, uses)

    def _free_name(self, placed: Placed, taken: dict[str, str], uses: dict[str, int]) -> str:
        """``train``, then ``train-2`` …, leaving out what another node was named on purpose."""
        wanted = placed.spec.name
        number = uses.get(wanted, 0) + 1
        while (name := wanted if number == 1 else f"{wanted}-{number}") in taken:
            number += 1
        uses[wanted] = number
        taken[name] = placed.where
        self._check_name(name, placed)
        return name

    def _check_name(self, name: Any, placed: Placed) -> bool:
        wrong = _wrong_name(name)
        if wrong:
            cure = "" if placed.node.name is not None else "; give the node another: Node(action, name=…)"
            self.problems.append(f"{placed.where}: the name {_short(name)} {wrong}{cure}")
        return not wrong

    # -- explicit needs -----------------------------------------------------------------------------------------

    def _resolve(self) -> None:
        index = {placed.name: i for i, placed in enumerate(self.placed)}
        for placed in self.placed:
            if placed.node.needs is not None:
                found = [self._needed(need, placed, index) for need in placed.node.needs]
                placed.needs = sorted({need for need in found if need is not None})

    def _needed(self, need: Any, placed: Placed, index: dict[str, int]) -> int | None:
        if isinstance(need, str) and need in index:
            return index[need]
        if isinstance(need, str):
            close = nearest(need, index)
            guess = f"; did you mean {close!r}?" if close else f"; there are: {', '.join(list(index)[:8])}"
        else:
            guess = "; needs takes the names of nodes"
        self.problems.append(f"{placed.name!r} needs {need!r}, and there is no such node{guess}")
        return None


def _wrong_name(name: Any) -> str:
    if not isinstance(name, str):
        return f"is of type {type(name).__name__}, not text"
    if not name:
        return "is empty"
    if len(name.encode("utf-8", "replace")) > _MAX_NAME:
        return f"is longer than {_MAX_NAME} bytes"
    if name == PARAMS:
        return "is what inputs call the initial params"
    if _BAD.search(name):
        return "may not have / \\ [ ] or control characters in it, nor begin with a dot or begin or end with a blank"
    return ""


def _short(name: Any) -> str:
    text = repr(name)
    return text if len(text) <= 60 else f"{text[:57]}…"
