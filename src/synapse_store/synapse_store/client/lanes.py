"""Batches in order: `Lanes` gives each write of a run a producer's name and number, the same when it is tried again."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence

from attrs import define, field

from synapse_core.events import Draft
from synapse_core.models import Checkpoint
from synapse_core.protocols import Lease

_MOST_STUCK = 32


@define(eq=False)
class Lane:
    """A producer, which has one batch on its way at most; ``seq`` is the last that was taken."""

    producer: str = field(factory=lambda: secrets.token_hex(12))
    seq: int = 0


@define(eq=False)
class Write:
    """What is to be written, and the lane it goes by."""

    drafts: Sequence[Draft]
    checkpoints: Sequence[Checkpoint]
    lease: Lease | None
    lane: Lane

    def is_of(self, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint], lease: Lease | None) -> bool:
        """Whether this is the write of these."""
        epochs = self.lease and self.lease.epoch, lease and lease.epoch
        same = list(self.drafts) == list(drafts) and list(self.checkpoints) == list(checkpoints)
        return same and epochs[0] == epochs[1]


@define(eq=False)
class Lanes:
    """The lanes of one run.

    A write that nobody answered may have been taken. It keeps its lane, so that its next try has the same number, and
    is taken once; other writes go by other lanes meanwhile.
    """

    free: list[Lane] = field(factory=list)
    stuck: deque[Write] = field(factory=lambda: deque(maxlen=_MOST_STUCK))

    def begin(self, drafts: Sequence[Draft], checkpoints: Sequence[Checkpoint], lease: Lease | None) -> Write:
        """A write, new or tried again."""
        for write in self.stuck:
            if write.is_of(drafts, checkpoints, lease):
                self.stuck.remove(write)
                return write
        return Write(list(drafts), list(checkpoints), lease, self.free.pop() if self.free else Lane())

    def done(self, write: Write, taken: int) -> None:
        """The service has answered: so many of its batches were taken."""
        write.lane.seq += taken
        self.free.append(write.lane)

    def failed(self, write: Write) -> None:
        """Nobody has answered."""
        self.stuck.append(write)
