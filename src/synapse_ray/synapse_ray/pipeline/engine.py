"""`Engine`: the actor that hosts the core's engine for one run, on the cluster."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

from synapse_core.garbage import tune
from synapse_ray.attempts import TaskExecutor
from synapse_ray.base import BaseRayExecutor
from synapse_ray.inbox import DeskInbox, ReportsHere
from synapse_ray.pipeline.answers import Answer, answer
from synapse_ray.pipeline.life import Life
from synapse_ray.pipeline.orders import Order, Post, engine_name
from synapse_ray.pipeline.place import local_store_url
from synapse_ray.pipeline.watchdog import Watchdog
from synapse_ray.priority import go_first


class Engine(ReportsHere):
    """Runs one run, and leaves when it has ended.

    Ray restarts it when its process or its node dies; it finds then in the store how far the run is. Its methods are
    those of an async actor: they are called while the run goes on, on a thread of its own.

    Args:
        post: what it is there for.
    """

    def __init__(self, post: Post) -> None:
        import ray

        go_first()
        context = ray.get_runtime_context()
        self.inbox = DeskInbox(engine_name(post.run_id))
        self._watchdog = Watchdog(post.lease)
        self._url = post.store or local_store_url()
        self._me: Any = context.current_actor
        base = BaseRayExecutor(ray_address=context.gcs_address, env=post.env, **post.base)
        self._life = Life(
            post,
            self._url,
            lambda: self._executor(base, post.heartbeat),
            again=context.was_current_actor_reconstructed,
        )
        threading.Thread(target=self._live, name="synapse-run", daemon=True).start()

    def _executor(self, base: BaseRayExecutor, heartbeat_timeout: float) -> TaskExecutor:
        executor = TaskExecutor(base, self.inbox, heartbeat_timeout=heartbeat_timeout)
        threading.Thread(target=executor.warm, name="synapse-warm", daemon=True).start()
        return executor

    def _live(self) -> None:
        tune()
        try:
            self._life.live()
        finally:
            self._me.leave.remote()

    async def begin(self, order: Order | None) -> Answer:
        """Start the run; or, without an order, go on with one that the store has.

        Returns:
            Where the run is kept, once it is and the engine has claimed it.
        """
        self._life.order(order)
        return await answer(self._begun())

    async def _begun(self) -> str:
        await asyncio.wrap_future(self._life.begun)
        return self._url

    async def where(self) -> dict[str, Any]:
        """Where it is: ``store`` (the URL), ``pid`` and ``node`` (Ray's id)."""
        import ray

        return {"store": self._url, "pid": os.getpid(), "node": ray.get_runtime_context().get_node_id()}

    async def heard(self) -> None:
        """Whoever began the run knows that it could not."""
        self._life.heard.set()

    async def leave(self) -> None:
        """End this actor, for good."""
        import ray

        self._watchdog.close()
        ray.actor.exit_actor()
