"""How a service is served: `Settings`."""

from __future__ import annotations

import re
import resource
from collections.abc import Iterable

from attrs import field, frozen

from synapse_core.errors import SynapseError

_HOST = re.compile(r"[^\s/:?#@\[\]]+")
_ORIGIN = re.compile(r"https?://([^\s/:?#@\[\]]+|\[[0-9a-f:.]+\])(:[0-9]+)?")


def _most_streams() -> int:
    """As many as there are descriptors for, with some left for the rest."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 10_000 if soft == resource.RLIM_INFINITY else max(min(10_000, soft - 100), 10)


def _origins(given: Iterable[str]) -> frozenset[str]:
    """As browsers write them; what they would never write would let nobody in."""
    found = (text.lower().removesuffix("/") for text in given)
    return _checked(found, _ORIGIN, "origin", "write https://HOST or https://HOST:PORT, without a path")


def _hosts(given: Iterable[str]) -> frozenset[str]:
    found = (text.lower().rstrip(".") for text in given)
    return _checked(found, _HOST, "host name", "write it without a scheme and without a port")


def _checked(found: Iterable[str], pattern: re.Pattern[str], what: str, hint: str) -> frozenset[str]:
    checked = frozenset(found)
    for text in checked:
        if not pattern.fullmatch(text):
            raise SynapseError(f"{text!r} is no {what}", hint=hint)
    return checked


@frozen
class Settings:
    """How a service is served.

    Raises:
        SynapseError: what is to be let in is no origin, or no host.

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
    origins: frozenset[str] = field(default=frozenset(), converter=_origins)
    hosts: frozenset[str] = field(default=frozenset(), converter=_hosts)
    max_body: int = 8 * 1024 * 1024
    max_streams: int = field(factory=_most_streams)
    heartbeat: float = 15.0
    stuck: float = 60.0
