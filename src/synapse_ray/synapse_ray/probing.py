"""Whether anything that could be Ray answers at an address: `probe`.

`ray.init` waits for half a minute at a port where nobody listens, and at some others ends the process; so it is not
asked before something there speaks HTTP/2, as Ray's servers do, and knows Ray Client, where that is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import attrs
from attrs import frozen

from synapse_ray.errors import ClusterUnreachableError

PATIENCE = 3.0
"""Seconds that a server has to accept a connection, and to answer."""

CLIENT_PORT = 10001
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
_SETTINGS = 4
_FRAME_HEADER = 9
_PING = ("/ray.rpc.RayletDriver/ClusterInfo", b"\x08\x06")
"""What a Ray Client asks its server first."""


@frozen
class Endpoint:
    """Where a cluster is: a host and a port; ``is_client`` if a ``ray://`` server listens there."""

    host: str
    port: int
    is_client: bool = False

    @classmethod
    def of(cls, address: str) -> Endpoint:
        """The endpoint of ``host:port``, ``ray://host`` or ``ray://host:port``.

        Raises:
            ClusterUnreachableError: it is none of these.
        """
        is_client = address.startswith("ray://")
        try:
            parts = urlsplit(address if is_client else f"ray://{address}")
            host, port = parts.hostname, parts.port or (CLIENT_PORT if is_client else None)
        except ValueError:
            host = port = None
        if not host or not port:
            hint = "write host:6379, ray://host:10001, auto, or local"
            raise ClusterUnreachableError(f"{address!r} is no address of a Ray cluster", hint=hint)
        return cls(host, port, is_client)

    @property
    def usual(self) -> str:
        """At which port that usually is."""
        if self.is_client:
            return "Ray Client listens on port 10001 of the head node, unless it was started with another"
        return "the head node's port is 6379, unless it was started with another; for Ray Client write ray://host:10001"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ray://' if self.is_client else ''}{host}:{self.port}"


def last_started() -> Endpoint | None:
    """Where the cluster is that was last started on this machine, which `ray.init` takes for ``auto``.

    It is noted in a file that stays when the cluster has crashed.
    """
    temp = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108  where Ray has it
    try:
        return Endpoint.of((Path(temp) / "ray" / "ray_current_cluster").read_text(encoding="utf-8").strip())
    except (OSError, ClusterUnreachableError):
        return None


def probe(endpoint: Endpoint, patience: float = PATIENCE) -> None:
    """Return if something that could be Ray answers there.

    Raises:
        ClusterUnreachableError: nobody listens, nobody answers, or it is something else.
    """
    try:
        with socket.create_connection((endpoint.host, endpoint.port), patience) as connection:
            if os.environ.get("RAY_USE_TLS", "0") == "0":
                _greet(connection, endpoint, patience)
                _ping(endpoint, patience)
    except ClusterUnreachableError:
        raise
    except socket.gaierror as error:
        raise _unreachable(endpoint, f"the host name {endpoint.host!r} is not known ({error.strerror})") from error
    except TimeoutError as error:
        raise _unreachable(endpoint, f"it did not answer within {patience:g} s") from error
    except OSError as error:
        raise _unreachable(endpoint, error.strerror or str(error)) from error


def _greet(connection: socket.socket, endpoint: Endpoint, patience: float) -> None:
    connection.settimeout(patience)
    connection.sendall(_HELLO)
    header = b""
    while len(header) < _FRAME_HEADER and (more := connection.recv(_FRAME_HEADER - len(header))):
        header += more
    if len(header) < _FRAME_HEADER or header[3] != _SETTINGS:
        raise _unreachable(endpoint, "what listens there is not Ray")


def _ping(endpoint: Endpoint, patience: float) -> None:
    """See that a ``ray://`` server knows what a client asks it; whatever else it has to say, it says to `ray.init`."""
    if not endpoint.is_client or importlib.util.find_spec("grpc") is None:
        return
    grpc = importlib.import_module("grpc")
    method, request = _PING
    target = str(attrs.evolve(endpoint, is_client=False))
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary(method)(request, timeout=patience)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                raise _unreachable(endpoint, "what listens there is not Ray Client") from error


def _unreachable(endpoint: Endpoint, why: str) -> ClusterUnreachableError:
    look = "see that the cluster runs (`ray status` on its head node) and that this machine may reach it"
    return ClusterUnreachableError(f"no Ray cluster at {endpoint}: {why}", hint=f"{look}; {endpoint.usual}")
