"""Running one order in this worker's main thread: `run_order`, which Ray's tasks and actors call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from attrs import evolve

from synapse_core.builtin.process.tree import MARKER, mark
from synapse_core.errors import ActionCancelled, SynapseError
from synapse_core.protocols import Outcome
from synapse_core.worker import hooks_from, perform, spec_from
from synapse_core.worker.failure import failure_of
from synapse_core.worker.perform import invalid
from synapse_ray.packaging.calls import stand_somewhere
from synapse_ray.worker.ending import Children, marker_of
from synapse_ray.worker.interrupts import Interrupts
from synapse_ray.worker.large import put_aside, put_back
from synapse_ray.worker.order import Head, Order, issues_of
from synapse_ray.worker.prints import Prints
from synapse_ray.worker.pump import Pump
from synapse_ray.worker.running import Running
from synapse_ray.worker.where import sought_here


def run_order(packed: bytes, *payloads: Sequence[Any]) -> bytes | tuple[bytes, Any]:
    """Run the action of an order. Never raises.

    Args:
        packed: the order.
        payloads: what travels beside it; see `Orders.pack`.

    Returns:
        How it ended, a packed `Head`; where the call ``passes``, also what was put aside of its result, or nothing.
    """
    order = Order.unpack(packed)
    pid = os.getpid()
    head, aside = _worker().run(order, payloads)
    if os.getpid() != pid:  # a fork that the action made has come back here: the outcome is not its to tell
        os._exit(0)
    return (head.pack(), aside or b"") if order.call.passes else head.pack()  # bytes are the quickest for Ray


@lru_cache(maxsize=1)
def _worker() -> _Worker:
    return _Worker()


class _Worker:
    """What a worker's process needs but once."""

    def __init__(self) -> None:
        self._prints = Prints()
        self._interrupts = Interrupts()
        self._pump = Pump(self._interrupts)
        self._children = Children()
        os.environ[MARKER] = mark(marker_of(os.getpid()))

    def run(self, order: Order, payloads: Sequence[Sequence[Any]]) -> tuple[Head, list[Any]]:
        """Run one order; they come one at a time."""
        call = order.call
        stand_somewhere()
        if order.secrets:
            os.environ.update(order.secrets)
        if order.places:
            call = evolve(call, params=put_back(call.params, order.places, payloads))
        running = Running(order, call)
        self._pump.watch(running)
        if order.heard:
            self._prints.begin(running.reporter)
        try:
            outcome = sought_here(self._outcome(running))
        finally:
            if order.heard:
                self._prints.end()
            self._pump.leave()
        outcome, name, aside = put_aside(outcome, call)
        batches = running.collect()
        running.reporter.close()  # what still reports, of an action that has ended, is heard by nobody
        return Head(outcome, running.acked, batches, issues_of(outcome.value), name), aside

    def _outcome(self, running: Running) -> Outcome:
        """Run the action; none of what it starts is left, unless it may be."""
        try:
            try:
                self._interrupts.arm()
                return _performed(running)
            finally:
                self._interrupts.disarm()
                if not running.order.keeps:
                    self._children.end()
        except (ActionCancelled, KeyboardInterrupt) as error:  # it came between the action's frames and ours
            return Outcome("cancelled", failure=failure_of(error))


def _performed(running: Running) -> Outcome:
    call = running.call
    try:
        if call.stop is None:  # the engine could not tell: it has only the name
            spec = spec_from(call)
            call = evolve(call, spec=spec, stop=spec.stop)
        if call.stop == "hard":
            return running.in_child()
        return perform(call, running.reporter, running.token, hooks_from(call.hooks))
    except SynapseError as error:  # the action, or a plugin that the call names, cannot be imported here
        return invalid(error)
    except ActionCancelled as error:
        return Outcome("cancelled", failure=failure_of(error))
