"""What can go wrong with a Ray cluster: each message says what, where and what to do."""

from __future__ import annotations

from synapse_core.errors import SynapseError

AUTH_HINT = (
    "give this process the cluster's token (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token), and set "
    "RAY_AUTH_MODE=token: without it Ray sends none to a cluster that is named by its address"
)
"""What to do about a `ClusterAuthError`."""


class RayConfigError(SynapseError, ValueError):
    """A setting of a Ray executor has a value that it cannot have."""


class RayClusterError(SynapseError):
    """The base of what a cluster, or the way to it, can be to blame for."""


class ClusterUnreachableError(RayClusterError):
    """There is no Ray cluster at the address, it does not answer, or this process is connected to another one."""


class ClusterVersionError(RayClusterError):
    """The cluster runs another version of Ray or of Python than this process."""


class ClusterAuthError(RayClusterError):
    """The cluster wants a token that this process does not have, or has none that it knows."""


class ResourcesError(RayClusterError):
    """No node of the cluster could ever give what was asked for."""


class PackageError(RayClusterError):
    """A folder cannot be shipped to the cluster: too large, or something in it cannot be read."""


class EnvironmentSetupError(RayClusterError):
    """A worker's environment could not be set up: a package that cannot be installed, a folder that did not arrive."""
