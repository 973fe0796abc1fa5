"""How a service is served: `Settings`."""

from __future__ import annotations

import resource

from attrs import field, frozen


def _most_streams() -> int:
    """As many as there are descriptors for, with some left for the rest."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 10_000 if soft == resource.RLIM_INFINITY else max(min(10_000, soft - 100), 10)


@frozen
class Settings:
    """How a service is served.

    Attributes:
        token: what clients must send; None: nothing, which is for loopback only.
        origins: of other sites' pages that may ask, as ``https://host``.
        hosts: names, beside localhost and addresses, that clients may call the service by.
        max_body: bytes of a request's body at most.
        max_streams: how many streams may be open at once.
        heartbeat: seconds between the comments that keep a stream open.
        stuck: seconds after which a reader that takes nothing is let go.
    """

    token: str | None = field(default=None, repr=False)
    origins: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    max_body: int = 8 * 1024 * 1024
    max_streams: int = field(factory=_most_streams)
    heartbeat: float = 15.0
    stuck: float = 60.0
