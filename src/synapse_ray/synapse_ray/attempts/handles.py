"""What Ray gave for an attempt that was submitted, as a `synapse_ray.attempts.attempt.Handle`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen


@frozen(eq=False)
class TaskHandle:
    """A task that was submitted."""

    ref: Any

    def when_done(self, call: Callable[[Any], None]) -> None:
        """See `Handle.when_done`."""
        self.ref.future().add_done_callback(lambda done: call(result_or_error(done)))

    def cancel(self, *, force: bool) -> None:
        """See `Handle.cancel`."""
        import ray

        ray.cancel(self.ref, force=force)


@frozen(eq=False)
class ActorHandle:
    """A call of an `ActionActor` that was made; force ends the actor."""

    ref: Any
    actor: Any

    def when_done(self, call: Callable[[Any], None]) -> None:
        """See `Handle.when_done`."""
        self.ref.future().add_done_callback(lambda done: call(result_or_error(done)))

    def cancel(self, *, force: bool) -> None:
        """See `Handle.cancel`."""
        import ray

        if force:
            ray.kill(self.actor)
        else:
            ray.cancel(self.ref)


def result_or_error(done: Any) -> Any:
    """What a future of Ray came to: its value, or the error in its place."""
    error = done.exception()
    return done.result() if error is None else error
