"""The session: what ties plugins, store, executors and engine together, and the way in from sync code."""

from synapse_core.session.default import default_session
from synapse_core.session.session import Session

__all__ = ["Session", "default_session"]
