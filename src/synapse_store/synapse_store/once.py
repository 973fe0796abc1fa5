"""Events that are written once, however often they are sent: by producer, epoch and number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from attrs import frozen

from synapse_core.errors import StoreError
from synapse_core.events import Draft
from synapse_core.models import Checkpoint
from synapse_core.protocols import Lease


@frozen
class Batch:
    """Which batch it is: the ``seq``-th (from 1) that the producer sends in its epoch."""

    producer: str
    epoch: int
    seq: int


class SequenceError(StoreError):
    """A batch does not follow the one before; ``expected`` is the number of the batch that does."""

    def __init__(self, message: str, expected: int) -> None:
        super().__init__(message)
        self.expected = expected


@runtime_checkable
class OnceStore(Protocol):
    """A store that knows the batches it has, across restarts."""

    async def append_once(
        self,
        run_id: str,
        batch: Batch,
        drafts: Sequence[Draft],
        *,
        checkpoints: Sequence[Checkpoint] = (),
        lease: Lease | None = None,
    ) -> int:
        """As `Store.append`; but a batch that was written already is left alone, and the last ``seq`` given again.

        Raises:
            SequenceError: batches are missing before this one, or its epoch is old.
        """


class Append(NamedTuple):
    """What is to be added to a run: as `Store.append`, or with a ``batch`` as `OnceStore.append_once`."""

    run_id: str
    drafts: Sequence[Draft]
    checkpoints: Sequence[Checkpoint] = ()
    lease: Lease | None = None
    batch: Batch | None = None


@runtime_checkable
class ManyStore(Protocol):
    """A store that takes what many bring at once for little more than it takes what one brings."""

    async def append_many(self, appends: Sequence[Append]) -> Sequence[int | BaseException]:
        """Add each, in order: what adding it alone gives, or raises; one that is refused is no matter to others."""


def check(batch: Batch, epoch: int, seq: int) -> bool:
    """Whether a batch is to be written, where the last of its producer was ``seq`` in ``epoch``; for stores.

    Raises:
        SequenceError: batches are missing before this one, or its epoch is old.
    """
    if batch.epoch < epoch:
        raise SequenceError(f"epoch {batch.epoch} of this producer is over: it is {epoch} now", seq + 1)
    expected = seq + 1 if batch.epoch == epoch else 1
    if batch.seq > expected:
        raise SequenceError(f"batch {expected} was expected, not {batch.seq}", expected)
    return batch.seq == expected
