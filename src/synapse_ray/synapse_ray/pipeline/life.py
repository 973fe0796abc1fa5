"""`Life`: what the engine's actor does, from its order to the run's end."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

from synapse_core.errors import NotFoundError, RunNotFoundError, StoreError, StoreUnavailableError
from synapse_core.protocols import Executor
from synapse_core.session import Session
from synapse_ray.errors import EnvironmentSetupError
from synapse_ray.pipeline.orders import Order, Post
from synapse_ray.pipeline.trouble import INSTALL
from synapse_ray.pipeline.upkeep import Upkeep

_log = logging.getLogger("synapse_ray.pipeline")

_ORDER = 120.0
"""Seconds that an actor without a run waits for its order: whoever started it may be gone."""

_HEARD = 10.0


class Life:
    """Takes one run up, again where that must be, and sees it to its end.

    Args:
        post: what the actor is there for.
        url: of the store.
        executor: makes what runs the attempts.
        again: whether Ray has restarted the actor.

    Attributes:
        begun: done when the run is kept and claimed, or cannot be.
        heard: set when whoever ordered the run knows that.
    """

    def __init__(self, post: Post, url: str, executor: Callable[[], Executor], *, again: bool) -> None:
        self.begun: Future[None] = Future()
        self.heard = threading.Event()
        self._post = post
        self._url = url
        self._executor = executor
        self._again = again
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()

    def order(self, order: Order | None) -> None:
        """Say what is to be run; the first order holds. None is for a run that the store has."""
        self._orders.put(order)

    def live(self) -> None:
        """Run the run to its end; whatever is to be said of it is in the store, or in ``begun``."""
        try:
            self._live()
        except Exception as error:  # noqa: BLE001  it is told, to whoever is there
            if self.begun.done():
                _log.exception("run %s is left as it is", self._post.run_id)
            else:
                self.begun.set_exception(error)
                self.heard.wait(_HEARD)

    def _live(self) -> None:
        post = self._post
        if post.token is not None:
            os.environ["SYNAPSE_TOKEN"] = post.token  # in this process only: actions run in others
        with self._session() as session:
            executor = self._executor()
            try:
                self._host(Upkeep(session, post.run_id, executor))
            finally:
                session.call(executor.aclose())

    def _session(self) -> Session:
        post = self._post
        try:
            return Session(
                store=self._url, plugins=post.plugins, env=post.env, lease=post.lease, work_base=post.work_base
            )
        except NotFoundError as error:
            raise EnvironmentSetupError(
                f"the cluster cannot open {self._url}: {error.message}", hint=INSTALL
            ) from error

    def _host(self, upkeep: Upkeep) -> None:
        """See the run to its end; one that Ray has restarted the actor for needs no order."""
        kept = self._is_kept(upkeep)
        if not (kept and self._again):
            self._carry_out(upkeep, kept)
            self.begun.set_result(None)
            upkeep.wait()
        upkeep.go_on(self._taken_up)

    def _carry_out(self, upkeep: Upkeep, kept: bool) -> None:
        run_id, order = self._post.run_id, self._ordered()
        if order is not None and kept:
            raise StoreError(
                f"there is a run {run_id!r} already", hint="leave run_id out: every run has an id of its own"
            )
        if order is not None:
            upkeep.start(order)
        elif kept:
            upkeep.take_up()
        else:
            raise RunNotFoundError(f"no run {run_id!r} in {self._url}")

    def _taken_up(self) -> None:
        if not self.begun.done():
            self.begun.set_result(None)

    def _is_kept(self, upkeep: Upkeep) -> bool:
        """Whether the store has the run; only a restarted actor waits for a store that does not answer."""
        try:
            return upkeep.patiently(upkeep.progress) is not None if self._again else upkeep.progress() is not None
        except RunNotFoundError:
            return False
        except StoreUnavailableError as error:
            if self._post.store is None:
                raise
            raise StoreUnavailableError(
                f"the service {self._url} cannot be reached from the cluster: {error.message}",
                hint="say under which address the cluster reaches it: actor_pipeline_service_url=",
            ) from error

    def _ordered(self) -> Order | None:
        try:
            return self._orders.get(timeout=_ORDER)
        except queue.Empty:
            return None
