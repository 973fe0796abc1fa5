"""The way to a cluster: `connect`, once a process, with clear errors within seconds."""

from __future__ import annotations

import atexit
import logging
import socket
import sys
import threading
from typing import Any

from attrs import define, field

from synapse_ray.config import RayConfig
from synapse_ray.connecting import imported, init
from synapse_ray.errors import ClusterUnreachableError, PackageError
from synapse_ray.packaging.uploading import Upload
from synapse_ray.packaging.zipping import Package, size_text
from synapse_ray.probing import Endpoint

_log = logging.getLogger(__name__)
_lock = threading.RLock()

_LARGE = 20 * 2**20
"""Bytes of an archive above which its size is told without being asked for."""


@define(eq=False)
class Cluster:
    """The cluster that this process is connected to.

    Attributes:
        address: as it was asked for.
        gcs_address: ``ip:port`` of its head, as other processes of the cluster reach it.
        ours: whether the connection was made here, not by the program that uses Synapse.
        uploads: the archives that were brought there, by digest.
    """

    address: str
    gcs_address: str
    ours: bool
    uploads: dict[str, Upload] = field(factory=dict, repr=False)
    _uploading: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    @property
    def is_client(self) -> bool:
        """Whether this process speaks to the cluster through a ``ray://`` server."""
        return self.address.startswith("ray://") or _speaks_through_client()

    def amounts(self) -> list[dict[str, float]]:
        """What each living node has in all: ``CPU``, ``GPU``, ``memory`` (bytes) and custom resources."""
        import ray

        nodes: list[dict[str, Any]] = ray.nodes()
        return [dict(node["Resources"]) for node in nodes if node["Alive"]]

    def upload(self, package: Package, what: str) -> str:
        """Bring an archive to the cluster, once for the same content: its address there (``gcs://…``).

        Args:
            package: the archive.
            what: what it is of, for the log: a folder.

        Raises:
            PackageError: it did not arrive.
        """
        with self._uploading:
            done = self.uploads.get(package.digest)
            if done is None or not done.holds:
                _tell(package, what)
                done = self.uploads[package.digest] = Upload(self._address_for_others(), package.path)
            return done.uri

    def _address_for_others(self) -> str:
        """The address by which another process of this machine reaches the cluster as this one does."""
        if not self.is_client:
            return self.gcs_address
        if not self.address.startswith("ray://"):
            hint = "give the executor the address that ray.init was given: ray_address='ray://…'"
            raise PackageError("this process is a Ray client, and through which server cannot be told", hint=hint)
        return self.address

    def close(self) -> None:
        """Let go of what was uploaded. The connection itself is Ray's."""
        with self._uploading:
            for done in self.uploads.values():
                done.close()
            self.uploads.clear()


def _speaks_through_client() -> bool:
    client = sys.modules.get("ray.util.client")
    return client is not None and bool(client.ray.is_connected())


def _tell(package: Package, what: str) -> None:
    level = logging.WARNING if package.size > _LARGE else logging.INFO
    named = ", ".join(f"{name} ({size_text(size)})" for name, size in package.largest)
    _log.log(level, "shipping %s to the Ray cluster: %s; the largest: %s", what, package, named)


_current: Cluster | None = None


def connect(config: RayConfig) -> Cluster:
    """Connect this process to the cluster that the config names; the same `Cluster` for each further call.

    The connection stays until the process ends, or `ray.shutdown` is called.

    Raises:
        ClusterUnreachableError: there is none at that address, or the process is connected to another one.
        ClusterVersionError: it runs another version of Ray or Python.
        ClusterAuthError: it wants another token than this process has.
    """
    ray = imported()
    global _current  # noqa: PLW0603  Ray's own connection is one a process, too
    with _lock:
        address = config.address
        if not ray.is_initialized():
            init(address)
            _current = _replacing(_current, Cluster(address, _gcs_address(), ours=True))
        elif _current is None or _current.gcs_address != _gcs_address():
            asked = address if address.startswith("ray://") else "auto"
            _current = _replacing(_current, Cluster(asked, _gcs_address(), ours=False))
        if not _is_that(_current, address):
            raise _elsewhere(address, _current)
        return _current


def _replacing(before: Cluster | None, now: Cluster) -> Cluster:
    if before is not None:
        before.close()
    else:
        atexit.register(_let_go)
    return now


def _let_go() -> None:
    if _current is not None:
        _current.close()


def _gcs_address() -> str:
    import ray

    return str(ray.get_runtime_context().gcs_address)


# -- one connection a process ---------------------------------------------------------------------------------


def _is_that(cluster: Cluster, address: str) -> bool:
    if address in {"auto", cluster.address, cluster.gcs_address}:
        return True
    if address == "local" or "://" in address or "://" in cluster.address:
        return False
    asked, have = Endpoint.of(address), Endpoint.of(cluster.gcs_address)
    return asked.port == have.port and not _addresses(asked.host).isdisjoint(_addresses(have.host))


def _addresses(host: str) -> set[str]:
    """The IP addresses of a host; those of this machine all count as loopback's."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return {host}
    return found | ({"127.0.0.1"} if any(_is_here(address) for address in found) else set())


def _is_here(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind((address, 0))
        except OSError:
            return False
    return True


def _elsewhere(address: str, cluster: Cluster) -> ClusterUnreachableError:
    return ClusterUnreachableError(
        f"this process is connected to the Ray cluster at {cluster.gcs_address}, and cannot be to {address} as well",
        hint="use one cluster a process (ray_address='auto' takes the one there is), or call ray.shutdown() first",
    )
