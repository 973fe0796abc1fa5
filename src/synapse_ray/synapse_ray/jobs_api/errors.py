"""What can go wrong with a job; `synapse_ray.errors` has what can go wrong with a cluster."""

from __future__ import annotations

from synapse_core.errors import ExecutionError, NotFoundError
from synapse_ray.errors import EnvironmentSetupError, RayClusterError


class JobNotFoundError(ExecutionError, NotFoundError):
    """The cluster knows no job of that id: it was deleted, never was, or is another cluster's."""


class JobSetupError(ExecutionError, EnvironmentSetupError):
    """A job's environment could not be set up; the message has what the package manager said last."""


class NodeGoneError(RayClusterError):
    """The node that a job ran on is gone, with the job's log and result."""


class ExtraMissingError(RayClusterError):
    """This process lacks a part of Ray that the Jobs API needs."""
