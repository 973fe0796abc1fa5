"""What can go wrong with a service, as types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse_core.errors import NotFoundError, StoreUnavailableError, SynapseError


class ServiceUnavailable(StoreUnavailableError):  # noqa: N818  the name that its users know
    """No service answers at the address, or it cannot answer for now."""


class ServiceError(SynapseError):
    """The service did not do what it was asked.

    Attributes:
        status: of HTTP.
        data: all that it said; ``data["errors"]`` has the wrong fields.
    """

    def __init__(self, status: int, data: Mapping[str, Any], what: str) -> None:
        self.status = status
        self.data = data
        wrong = "".join(f"\n  {each.get('path')}: {each.get('message')}" for each in data.get("errors") or ())
        hint = "set SYNAPSE_TOKEN, or give token=" if status == 401 else None
        super().__init__(f"{what}: {data.get('detail') or f'HTTP {status}'}{wrong}", hint=hint)


class ServiceNotFoundError(ServiceError, NotFoundError):
    """There is no such thing at the service."""
