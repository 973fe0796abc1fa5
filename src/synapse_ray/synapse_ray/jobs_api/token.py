"""The token of a cluster that wants one, from where Ray's documentation says that it is."""

from __future__ import annotations

import os
from pathlib import Path


def headers() -> dict[str, str]:
    """The header that proves who asks; empty where this process has no token, or Ray is told to do without."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled":
        return {}
    found = os.environ.get("RAY_AUTH_TOKEN") or _from_file()
    return {"Authorization": f"Bearer {found}"} if found else {}


def _from_file() -> str:
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    try:
        return (Path(path) if path else Path.home() / ".ray" / "auth_token").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
