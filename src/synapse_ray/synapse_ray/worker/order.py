"""What a worker is told and what it gives back, as bytes: `Order` and `Head`.

They are pickled here and not left to Ray, so that the way there costs microseconds; all in them is plain data.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from hashlib import blake2s
from typing import Any

from attrs import frozen

from synapse_core.errors import ValidationError
from synapse_core.protocols import Call

Batch = tuple[int, bytes]
"""Reports under way: their number (1, 2, 3 … in an attempt) and the JSON of their rows."""

Issues = tuple[str, tuple[tuple[str, str, str, str], ...], str | None]


def key_of(call: Call) -> str:
    """The name of an attempt, in all inboxes."""
    return f"{call.run_id}/{call.action}/{call.attempt}"


def marker_of(key: str) -> str:
    """What the processes of an attempt are found again by; see `synapse_core.builtin.process.tree`."""
    return blake2s(key.encode(), digest_size=16).hexdigest()


@frozen
class Order:
    """One attempt, as a worker is told it.

    Attributes:
        call: `call_data` of the call.
        key: the attempt's name.
        inbox: the name of the actor that takes its reports; "" where nobody does before its end.
        keeps: whether processes that the action starts may outlive it.
        places: where the values of params are that travel beside the order; see `synapse_ray.worker.large`.
    """

    call: Mapping[str, Any]
    key: str
    inbox: str
    keeps: bool = False
    places: Mapping[str, tuple[int, int]] | None = None

    def pack(self) -> bytes:
        """As bytes, for `unpack`."""
        return pickle.dumps((self.call, self.key, self.inbox, self.keeps, self.places), 5)

    @classmethod
    def unpack(cls, packed: bytes) -> Order:
        """The order that `pack` gave ``packed`` for; only what this project's own processes sent."""
        return cls(*pickle.loads(packed))  # noqa: S301  as said


@frozen
class Head:
    """How an attempt ended, as its worker tells it.

    Attributes:
        outcome: `outcome_data` of the outcome.
        acked: the number of the last reports that the inbox has acknowledged; 0 where it was never told any.
        batches: the reports after those.
        issues: of params or a result that do not fit: the subject, each wrong field, and what to do about it.
        large: the name of what was put aside of the result; "" where nothing was.
    """

    outcome: Mapping[str, Any]
    acked: int
    batches: list[Batch]
    issues: Issues | None = None
    large: str = ""

    def pack(self) -> bytes:
        """As bytes, for `unpack`."""
        return pickle.dumps((self.outcome, self.acked, self.batches, self.issues, self.large), 5)

    @classmethod
    def unpack(cls, packed: bytes) -> Head:
        """The head that `pack` gave ``packed`` for; only what this project's own processes sent."""
        return cls(*pickle.loads(packed))  # noqa: S301  as said


def issues_of(error: Any) -> Issues | None:
    """A validation error's issues: a caller that gets the error itself may want to go through them."""
    if not isinstance(error, ValidationError):
        return None
    fields = tuple((issue.path, issue.message, issue.found, issue.wanted) for issue in error.issues)
    return error.subject, fields, error.hint
