"""What a worker is told and what it gives back, as bytes: `Order` and `Head`.

They are pickled here and not left to Ray, so that the way there costs microseconds; all in them is plain data.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from attrs import define, field

from synapse_core.actiondef.base import StopMode
from synapse_core.errors import ValidationError
from synapse_core.models import Failure
from synapse_core.protocols import Call, Outcome
from synapse_ray.environ import parted
from synapse_ray.packaging.calls import arrived_at

Batch = tuple[int, bytes]
"""Reports under way: their number (1, 2, 3 … in an attempt) and the JSON of their rows."""

Places = Mapping[str, tuple[int, int]]
"""Where a param's value is: in which of the objects that a task is given, and at which place there."""

Issues = tuple[str, tuple[tuple[str, str, str, str], ...], str | None]


class Named(Protocol):
    """What names an attempt: a `Call`, or what stands for one."""

    @property
    def run_id(self) -> str: ...

    @property
    def action(self) -> str: ...

    @property
    def attempt(self) -> int: ...


def key_of(call: Named) -> str:
    """The name of an attempt, in all inboxes."""
    return f"{call.run_id}/{call.action}/{call.attempt}"


class Orders:
    """Packs orders; what all orders of an action say is worked out, and packed, but once.

    Args:
        remote: makes of a call the one that a worker can run; see `BaseRayExecutor.remote_call`.
        inbox: the name of the actor that takes reports; "" where nobody does before an attempt's end.
        keeps: whether processes that the actions start may outlive them.
        heard: whether anybody wants to know what the actions report and print; else it stays with their workers.
        passes: whether large results of calls that pass theirs on are put aside; else all results come whole.
    """

    def __init__(
        self,
        remote: Callable[[Call], Call],
        inbox: str,
        *,
        keeps: bool = False,
        heard: bool = True,
        passes: bool = False,
    ) -> None:
        self._remote = remote
        self._inbox = inbox
        self._keeps = keeps
        self._heard = heard
        self._passes = passes
        self._known: dict[Any, tuple[Mapping[str, str], bytes]] = {}

    def pack(self, call: Call, places: Places | None = None) -> bytes:
        """The order for a call, as bytes.

        Args:
            call: what is to be run.
            places: where the values of params are that travel beside the order; see `synapse_ray.worker.large`.

        Raises:
            DiscoveryError: no worker could find the action.
        """
        params = call.params if type(call.params) is dict else dict(call.params)
        passes = call.passes and self._passes
        own = (call.run_id, call.action, call.attempt, params, call.work_dir, call.job_id, call.midway, passes)
        return pickle.dumps((self._terms(call), own, places), 5)

    def _terms(self, call: Call) -> bytes:
        key = (call.entrypoint, call.root, call.extra, call.strict, call.hooks, call.stop)
        known = self._known.get(key)
        if known is None or known[0] != call.env:
            known = self._known[key] = (dict(call.env), self._packed_terms(self._remote(call)))
        return known[1]

    def _packed_terms(self, there: Call) -> bytes:
        where = (there.entrypoint, there.root)
        how = (there.extra, there.strict, dict(there.env), there.hooks, there.stop)
        return pickle.dumps((*where, *how, self._inbox, self._keeps, self._heard), 5)


class _Terms(NamedTuple):
    entrypoint: str
    root: str | None
    extra: Literal["ignore", "forbid"]
    strict: bool
    env: dict[str, str]
    hooks: tuple[str, ...]
    stop: StopMode | None
    inbox: str
    keeps: bool
    heard: bool
    secrets: dict[str, str]


@lru_cache(maxsize=256)
def _terms_of(packed: bytes) -> _Terms:
    found = _Terms._make((*pickle.loads(packed), {}))  # noqa: S301  as `Order.unpack`
    entrypoint, root = arrived_at(found.entrypoint, found.root)
    env, secrets = parted(found.env)
    return found._replace(entrypoint=entrypoint, root=root, env=env, secrets=secrets)


@define
class Order:
    """One attempt, as a worker is told it.

    Attributes:
        call: what is to be run, with whole paths.
        key: the attempt's name.
        inbox, keeps, heard: as those of `Orders`.
        places: see `Orders.pack`.
        secrets: what belongs into the environment of the worker's process.
    """

    call: Call
    key: str
    inbox: str
    keeps: bool = False
    heard: bool = True
    places: Places | None = None
    secrets: Mapping[str, str] = field(factory=dict, repr=False)

    @classmethod
    def unpack(cls, packed: bytes) -> Order:
        """The order that `Orders.pack` gave ``packed`` for; only what this project's own processes sent."""
        terms, own, places = pickle.loads(packed)  # noqa: S301  as said
        run_id, action, attempt, params, work_dir, job_id, midway, passes = own
        entrypoint, root, extra, strict, env, hooks, stop, inbox, keeps, heard, secrets = _terms_of(terms)
        about = (run_id, action, attempt, entrypoint, params, root, extra, strict, work_dir, dict(env), job_id, midway)
        call = Call(*about, hooks, None, passes, stop)
        return cls(call, key_of(call), inbox, keeps, heard, places, secrets)


@define
class Head:
    """How an attempt ended, as its worker tells it.

    Attributes:
        outcome: without its ``value``, which stays with the worker.
        acked: the number of the last reports that the inbox has acknowledged; 0 where it was never told any.
        batches: the reports after those.
        issues: of params or a result that do not fit: the subject, each wrong field, and what to do about it.
        large: the name of what was put aside of the result; "" where nothing was.
    """

    outcome: Outcome
    acked: int
    batches: list[Batch]
    issues: Issues | None = None
    large: str = ""

    def pack(self) -> bytes:
        """As bytes, for `unpack`."""
        end = self.outcome
        failure = end.failure and (end.failure.type, end.failure.message, end.failure.traceback)
        said = (end.status, end.result, end.merges, failure, end.kinds)
        return pickle.dumps((said, self.acked, self.batches, self.issues, self.large), 5)

    @classmethod
    def unpack(cls, packed: bytes) -> Head:
        """The head that `pack` gave ``packed`` for; only what this project's own processes sent."""
        (status, result, merges, failure, kinds), *told = pickle.loads(packed)  # noqa: S301  as said
        return cls(Outcome(status, result, merges, None, failure and Failure(*failure), kinds), *told)


def issues_of(error: Any) -> Issues | None:
    """A validation error's issues: a caller that gets the error itself may want to go through them."""
    if not isinstance(error, ValidationError):
        return None
    fields = tuple((issue.path, issue.message, issue.found, issue.wanted) for issue in error.issues)
    return error.subject, fields, error.hint
