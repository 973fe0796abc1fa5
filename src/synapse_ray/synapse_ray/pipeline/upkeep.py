"""`Upkeep`: one run in the engine's session: started, taken up again after what went wrong, seen to its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from synapse_core.discovery.loading import load_action
from synapse_core.engine.patience import pauses
from synapse_core.errors import ExecutionError, LeaseLostError, StoreUnavailableError, SynapseError
from synapse_core.events import now
from synapse_core.models import PipelineProgress
from synapse_core.pipeline import PipelineGraph, Plan
from synapse_core.protocols import Executor, Lease
from synapse_core.session import Session
from synapse_core.session.orphans import fail_orphan
from synapse_ray.pipeline.orders import Order

T = TypeVar("T")

_log = logging.getLogger("synapse_ray.pipeline")

_AWAY = 900.0
"""Seconds for which a run is not given up while its store is away."""

_TRIES = 3
_PAUSE = 1.0
_LOOK = 5.0


class Upkeep:
    """One run, in a session whose thread this is not.

    Args:
        session: of the engine.
        run_id: the run.
        executor: runs its attempts.
    """

    def __init__(self, session: Session, run_id: str, executor: Executor) -> None:
        self._session = session
        self._run_id = run_id
        self._executor = executor

    def start(self, order: Order) -> None:
        """Create the run, and start it.

        Raises:
            SynapseError: as `Session.submit`.
        """
        graph = PipelineGraph.of_plan(Plan.from_data(order.plan, loader=load_action))
        self._session.submit(graph, order.params, run_id=self._run_id, executor=self._executor, **order.options)

    def take_up(self) -> None:
        """Go on with a run whose engine is gone.

        Raises:
            SynapseError: as `Session.recover`.
        """
        self._session.recover(self._run_id, executor=self._executor)

    def wait(self) -> None:
        """Wait until the run has ended, or this engine has lost its store or its run.

        Raises:
            StoreError: what happened could not be stored, though the store answers.
        """
        try:
            self._session.wait(self._run_id)
        except ExecutionError as error:
            _log.info("%s", error.message)
        except (LeaseLostError, StoreUnavailableError) as error:
            _log.warning("run %s: %s", self._run_id, error.message)

    def go_on(self, taken_up: Callable[[], None]) -> None:
        """Take the run up, as often as that must be, until it has ended.

        Whoever else has it is waited for; where it can never be taken up, it is ended as failed, and can be resumed.

        Args:
            taken_up: called each time that it was, and when it has ended.

        Raises:
            StoreError: the store fails, or is away for too long.
        """
        tries = 0
        while not self.patiently(self.progress).status.is_terminal():
            try:
                self.patiently(self.take_up)
            except LeaseLostError as error:
                _wait_for(error.lease)
                continue
            except SynapseError as error:
                tries += 1
                self._give_up(error) if tries == _TRIES else time.sleep(_PAUSE)
                continue
            taken_up()
            self.wait()
        taken_up()

    def _give_up(self, error: SynapseError) -> None:
        reason = f"the engine was restarted and cannot go on: {error.message}"
        self._session.call(fail_orphan(self._session.store, self._run_id, reason))

    def progress(self) -> PipelineProgress:
        """How far the run is."""
        return self._session.progress(self._run_id)

    def patiently(self, work: Callable[[], T]) -> T:
        """What ``work`` gives; it is tried again while the store is away, for a long time.

        Raises:
            SynapseError: it failed, or the store is away still.
        """
        waits = pauses(_AWAY)
        while True:
            try:
                return work()
            except StoreUnavailableError:
                pause = next(waits, None)
                if pause is None:
                    raise
            time.sleep(pause)


def _wait_for(lease: Lease | None) -> None:
    """Wait until a lease may have expired, or its run be over."""
    left = (lease.expires_at - now()).total_seconds() if lease is not None else 0.0
    time.sleep(min(max(left, 0.0) + 0.1, _LOOK))
