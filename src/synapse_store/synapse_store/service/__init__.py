"""The pipeline service: any store, served over HTTP with live streams."""

from __future__ import annotations

from synapse_store.service.app import create_app
from synapse_store.service.serving import serve, serve_async
from synapse_store.service.settings import Settings

__all__ = ["Settings", "create_app", "serve", "serve_async"]
