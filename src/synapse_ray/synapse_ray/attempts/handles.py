"""What Ray gave for an attempt that was submitted, as a `synapse_ray.attempts.attempt.Handle`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from attrs import frozen

from synapse_ray.attempts.crowd import crowd


@frozen(eq=False)
class TaskHandle:
    """A task that was submitted: the references to its head, and to what was put aside of its result."""

    ref: Any
    aside: Any = None
    queues: bool = True

    def when_done(self, loop: asyncio.AbstractEventLoop, call: Callable[[Any], None]) -> None:
        """See `Handle.when_done`."""
        crowd().wait_for(self.ref, loop, call)

    def cancel(self, *, force: bool) -> None:
        """See `Handle.cancel`."""
        import ray

        ray.cancel(self.ref, force=force)


@frozen(eq=False)
class ActorHandle:
    """A call of an `ActionActor` that was made; force ends the actor."""

    ref: Any
    actor: Any
    queues: bool = False

    def when_done(self, loop: asyncio.AbstractEventLoop, call: Callable[[Any], None]) -> None:
        """See `Handle.when_done`."""
        crowd().wait_for(self.ref, loop, call)

    def cancel(self, *, force: bool) -> None:
        """See `Handle.cancel`."""
        import ray

        if force:
            ray.kill(self.actor)
        else:
            ray.cancel(self.ref)
