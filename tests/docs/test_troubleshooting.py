"""The page for when Ray says no has what is printed: its headings stand in the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/ray-troubleshooting.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^### `([^`]+)`$", PAGE, re.MULTILINE)
SOURCE = "".join(
    path.read_text(encoding="utf-8")
    for room in ("synapse_ray", "synapse_core")
    for path in (ROOT / "src" / room).rglob("*.py")
)
FILLED_IN = re.compile(r"…|HOST:PORT|Connection refused|'synapse_core'|(?=on this machine)")


def joined(source: str) -> str:
    """The source with its strings that go on in the next line made one."""
    return re.sub(r'"\s*\n\s*f?"', "", source)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_is_what_is_printed(entry: str) -> None:
    """Word for word, but for what is filled in (an address, a name)."""
    parts = [part.strip(" '`:") for part in FILLED_IN.split(entry)]
    text = joined(SOURCE)
    assert [part for part in parts if part and part not in text] == []
