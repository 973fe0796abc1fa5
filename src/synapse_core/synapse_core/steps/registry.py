"""`StepRegistry`: the steps of a workflow, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any, Generic

from synapse_core.errors import NotFoundError, unknown
from synapse_core.steps.errors import StepError
from synapse_core.steps.step import BaseStep, C


class StepRegistry(Generic[C]):
    """The steps of a workflow, in the order they will run; no two of one name."""

    def __init__(self, steps: Iterable[BaseStep[C]] = ()) -> None:
        self._steps: list[tuple[str, BaseStep[C]]] = []
        for step in steps:
            self.register(step)

    def register(self, step: BaseStep[C]) -> None:
        """Add a step at the end.

        Raises:
            StepError: It is no step, a step of that name is there already, or its weight is no number from 0 up.
        """
        self._insert(len(self._steps), step)

    def insert_before(self, name: str, step: BaseStep[C]) -> None:
        """Add a step before the one called ``name``.

        Raises:
            NotFoundError: There is no step called ``name``.
            StepError: As `register`.
        """
        self._insert(self._place(name), step)

    def insert_after(self, name: str, step: BaseStep[C]) -> None:
        """Add a step after the one called ``name``.

        Raises:
            NotFoundError: There is no step called ``name``.
            StepError: As `register`.
        """
        self._insert(self._place(name) + 1, step)

    def unregister(self, name: str) -> BaseStep[C]:
        """Take the step called ``name`` out, and return it.

        Raises:
            NotFoundError: There is none.
        """
        return self._steps.pop(self._place(name))[1]

    @property
    def names(self) -> list[str]:
        """The steps' names, in order."""
        return [name for name, _ in self._steps]

    @property
    def total_weight(self) -> float:
        """The sum of the steps' weights."""
        return sum(step.progress_weight for step in self)

    def __iter__(self) -> Iterator[BaseStep[C]]:
        return iter([step for _, step in self._steps])

    def __len__(self) -> int:
        return len(self._steps)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __repr__(self) -> str:
        return f"StepRegistry({', '.join(self.names)})"

    def _insert(self, place: int, step: BaseStep[C]) -> None:
        name = _checked_name(step)
        if name in self:
            raise StepError(
                f"two steps are called {name!r}: {self._steps[self._place(name)][1]!r} and {step!r}",
                hint="give one of them another `name`",
            )
        self._steps.insert(place, (name, step))

    def _place(self, name: str) -> int:
        if name not in self:
            raise NotFoundError(unknown("step", name, self.names))
        return self.names.index(name)


def _checked_name(step: Any) -> str:
    if not isinstance(step, BaseStep):
        made = " (a class: register an instance of it)" if isinstance(step, type) else ""
        raise StepError(f"{step!r} is no step{made}")
    name: Any = step.name
    if not isinstance(name, str) or not name:
        raise StepError(f"the name of {step!r} is {name!r}, not a text")
    weight: Any = step.progress_weight
    if not isinstance(weight, int | float) or not isfinite(weight) or weight < 0:
        raise StepError(f"the progress_weight of step {name!r} is {weight!r}, not a number from 0 up")
    return name
