"""A pipeline whose actions say a lot, for runs whose service comes and goes."""

from __future__ import annotations

import time

import attrs

from synapse_core import ActionPipeline, BaseAction

LINES = 60


@attrs.frozen
class Seed:
    """Whose lines they are."""

    seed: int


class Talk(BaseAction[Seed]):
    """Logs its numbered lines, over about two seconds."""

    def execute(self) -> dict[str, int]:
        for line in range(LINES):
            self.ctx.log("line", {"line": line})
            self.set_progress(line + 1, LINES)
            time.sleep(0.03)
        return {"talked": self.params.seed}


class Sum(BaseAction[Seed]):
    """Comes after it."""

    def execute(self) -> dict[str, int]:
        return {"sum": self.params.seed * 2}


class Listen(BaseAction[Seed]):
    """Goes on until it is cancelled."""

    def execute(self) -> None:
        while True:
            self.ctx.sleep(60)


def pipeline() -> ActionPipeline:
    """The first two."""
    return ActionPipeline([Talk, Sum], name="talk")
