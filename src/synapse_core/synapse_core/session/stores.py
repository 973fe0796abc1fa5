"""The store that runs are kept in where nobody names one."""

from __future__ import annotations

import os

from synapse_core.plugins import PluginManager


def default_store(pm: PluginManager) -> str:
    """Its URL: what ``SYNAPSE_STORE`` says, else SQLite in the user's data folder if it is installed, else memory."""
    said = os.environ.get("SYNAPSE_STORE")
    if said:
        return said
    return "sqlite:" if any(offer.scheme == "sqlite" for offer in pm.stores()) else "memory:"
