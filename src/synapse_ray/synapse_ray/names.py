"""How the actors of this package are found: `NAMESPACE`."""

from __future__ import annotations

NAMESPACE = "synapse"
"""Ray's namespace of all named actors of this package, whatever namespace a driver is in."""
