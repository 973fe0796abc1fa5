"""Clients of the pipeline service: `PipelineServiceClient`, and `HTTPStore`, which is a store by the same wire."""

from __future__ import annotations

from synapse_store.client.client import PipelineServiceClient
from synapse_store.client.errors import ServiceError, ServiceNotFoundError, ServiceUnavailable
from synapse_store.client.store import HTTPStore

__all__ = ["HTTPStore", "PipelineServiceClient", "ServiceError", "ServiceNotFoundError", "ServiceUnavailable"]
