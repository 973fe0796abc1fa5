"""What Ray says of a task that gave no outcome, in Synapse's words: `lost`."""

from __future__ import annotations

from synapse_core.errors import SynapseError
from synapse_core.models import Failure
from synapse_core.protocols import Outcome
from synapse_core.worker.failure import failure_of, kinds_of
from synapse_ray.environment import setup_failed

_DIED = "WorkerDiedError"


def refused(error: Exception) -> Outcome:
    """The outcome of an attempt that could not be started: never retried, where that is our own word.

    Its message says what is wrong and what to do; the code that found it is nobody's concern.
    """
    if isinstance(error, SynapseError):
        failure = Failure(type(error).__name__, str(error))
        return Outcome("invalid", failure=failure, value=error, kinds=kinds_of(error))
    return Outcome("failed", failure=failure_of(error), value=error, kinds=kinds_of(error))


def lost(action: str, error: BaseException) -> Outcome:
    """The outcome of an attempt that Ray gives an error for, not a result.

    Args:
        action: the action's name.
        error: Ray's.
    """
    from ray import exceptions

    if isinstance(error, exceptions.RuntimeEnvSetupError):
        return refused(setup_failed(error, f"a worker for {action!r}"))
    if isinstance(error, exceptions.RayTaskError):
        return _no_start(action, error)
    message = f"the worker of {action!r} {_how(error)} before it gave a result"
    return Outcome("died", failure=Failure(_DIED, message, str(error)), kinds=(_DIED,))


def _how(error: BaseException) -> str:
    from ray import exceptions

    kinds: list[tuple[type[BaseException], str]] = [
        (exceptions.OutOfMemoryError, "was killed as its node ran out of memory"),
        (exceptions.NodeDiedError, "was lost with its node"),
        (exceptions.ActorDiedError, "died"),
        (exceptions.WorkerCrashedError, "died (killed, crashed in native code, or lost with its node)"),
        (exceptions.TaskCancelledError, "was cancelled by somebody else"),
    ]
    return next((how for kind, how in kinds if isinstance(error, kind)), f"was lost ({type(error).__name__})")


def _no_start(action: str, error: BaseException) -> Outcome:
    """Our own function raised, which it does not; or the worker has no such function."""
    text = str(error)
    if "synapse_" in text and "ModuleNotFoundError" in text:
        message = f"the workers of the cluster cannot import Synapse, which {action!r} needs there"
        hint = "install synapse-core and synapse-ray on the cluster, or pass include_sdk=True"
        kind = "ClusterVersionError"
        return Outcome("invalid", failure=Failure(kind, f"{message}\n  hint: {hint}", text), kinds=(kind,))
    failure = Failure(_DIED, f"the worker of {action!r} could not run it: {text.strip().splitlines()[-1]}", text)
    return Outcome("died", failure=failure, kinds=(_DIED,))
