"""Steps that do as they are told and keep a diary."""

from __future__ import annotations

from typing import Any

import attrs

from synapse_core.steps import BaseStep, BaseStepContext, StepResult


@attrs.define(eq=False)
class Diary(BaseStepContext):
    """What was done, in order: ``+a`` executed, ``-a`` rolled back."""

    done: list[str] = attrs.field(factory=list)


class Scripted(BaseStep[Diary]):
    """A step that goes as ``execute``, ``skip`` and ``undo`` say: a value to return or an error to raise."""

    def __init__(self, name: str, execute: Any = None, *, skip: Any = False, undo: Any = None, weight: float = 1.0):
        self._name = name
        self._execute = StepResult(rollback_data={"of": name}) if execute is None else execute
        self._skip = skip
        self._undo = undo
        self._weight = weight
        self.undone_with: StepResult | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def progress_weight(self) -> float:
        return self._weight

    def can_skip(self, context: Diary) -> bool:
        return bool(_play(self._skip))

    def execute(self, context: Diary) -> StepResult:
        context.done.append(f"+{self.name}")
        result: StepResult = _play(self._execute)
        return result

    def rollback(self, context: Diary, result: StepResult) -> None:
        context.done.append(f"-{self.name}")
        self.undone_with = result
        _play(self._undo)


def _play(part: Any) -> Any:
    if isinstance(part, BaseException):
        raise part
    return part
