"""`Problem`: what is wrong with a plugin and yet stops nothing else of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from synapse_core.errors import SynapseError

if TYPE_CHECKING:
    from synapse_core.actiondef import ActionSpec


@frozen
class Problem:
    """Where (``config.yaml:7``, ``action 'train'``), what is wrong, and what to do."""

    where: str
    message: str
    hint: str = ""

    @classmethod
    def of(cls, where: str, error: SynapseError) -> Problem:
        """The problem that an error tells of."""
        return cls(where, error.message, error.hint or "")

    def one_line(self) -> str:
        """As a part of another message, which may have a hint of its own."""
        return f"{self.where}: {self.message}" + (f" ({self.hint})" if self.hint else "")

    def __str__(self) -> str:
        told = f"{self.where}: {self.message}"
        return f"{told}\n  hint: {self.hint}" if self.hint else told


def clash(spec: ActionSpec, first: ActionSpec) -> Problem:
    """Two actions bear one name."""
    message = f"two actions are called {spec.name!r}; this one is left out, the other is {first.entrypoint}"
    return Problem(spec.entrypoint, message, "give one of them another action_name")
