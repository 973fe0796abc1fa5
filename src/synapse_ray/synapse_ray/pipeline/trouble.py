"""What Ray raised when an actor was called, in the words of this package."""

from __future__ import annotations

import re

from synapse_core.errors import StoreUnavailableError, SynapseError
from synapse_ray.environment import setup_failed
from synapse_ray.errors import EnvironmentSetupError, RayClusterError

_MISSING = re.compile(r"No module named '(synapse_\w+|attrs?|cattrs?|pluggy|aiosqlite|aiohttp)(?:\.[\w.]+)?'")

INSTALL = "install synapse-ray and synapse-store on every node, or ship them: include_sdk=True"
"""What to do about a cluster that lacks them."""


def told(error: Exception, what: str) -> SynapseError:
    """The error that says what has become of an actor.

    Args:
        error: what Ray raised.
        what: the actor, in words: ``the engine of run X``.
    """
    from ray.exceptions import ActorUnavailableError, RuntimeEnvSetupError

    text = str(error)
    if isinstance(error, RuntimeEnvSetupError):
        return setup_failed(error)
    if (missing := _MISSING.search(text)) is not None:
        return EnvironmentSetupError(
            f"{what} cannot run on the cluster: there is no module {missing.group(1)!r}",
            hint=INSTALL,
        )
    if isinstance(error, ActorUnavailableError):
        return StoreUnavailableError(f"{what} does not answer for now")
    return RayClusterError(f"{what} is gone: {_last(text)}")


def is_missing(error: SynapseError) -> bool:
    """Whether the cluster lacks what is needed, so that another try is in vain."""
    return isinstance(error, EnvironmentSetupError)


def _last(text: str) -> str:
    """The last line of a message of Ray's that says something; its first ones say where."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:500] if lines else "no reason was given"
