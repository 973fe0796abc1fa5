"""What a run that is resumed, recovered or rerun starts from: `Restored`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from synapse_core.models import ActionProgress, ActionStatus, Checkpoint, PipelineProgress
from synapse_core.protocols import Outcome


@frozen
class Restored:
    """What is known of actions, and instances of them, from before.

    Attributes:
        checkpoints: of those that are not run again.
        midway: the states that others saved of themselves, as event payloads.
        ended: how those ended that this very run has the end of already (a recovered run): nothing is told again.
        attempts: how many attempts this very run has begun of each.
        source: the run they are from, if it is another one.
        seq: the last event that this very run has had.
    """

    checkpoints: Mapping[str, Checkpoint] = field(factory=dict)
    midway: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    ended: Mapping[str, ActionProgress] = field(factory=dict)
    attempts: Mapping[str, int] = field(factory=dict)
    source: str | None = None
    seq: int = 0

    @property
    def recovers(self) -> bool:
        """Whether it is the same run that goes on."""
        return self.source is None

    def knows(self, name: str) -> bool:
        """Whether there is anything known of an action, or of instances of it."""
        return name in self.checkpoints or name in self.ended or name in self.midway or name in self.attempts

    def outcome(self, name: str) -> Outcome | None:
        """The outcome of an action that is not run again; None if it is to be run."""
        checkpoint = self.checkpoints.get(name)
        if checkpoint is None:
            return None
        result = checkpoint.result
        return Outcome("completed", result, result if isinstance(result, Mapping) else None)

    def failed(self, name: str) -> ActionProgress | None:
        """How an action failed for good before its engine died, if it did."""
        entry = self.ended.get(name)
        return entry if entry is not None and entry.status is ActionStatus.FAILED else None


def recovered(progress: PipelineProgress, checkpoints: Mapping[str, Checkpoint], midway: Mapping[str, Any]) -> Restored:
    """What a run goes on from after its engine has died."""
    known = {**{entry.name: entry for entry in progress.progress}, **progress.instances}
    return Restored(
        checkpoints=checkpoints,
        midway=midway,
        ended={name: entry for name, entry in known.items() if entry.status.is_terminal()},
        attempts={name: entry.attempt for name, entry in known.items()},
        seq=progress.seq,
    )
