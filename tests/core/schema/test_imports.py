"""The schema room is light until it is used."""

from __future__ import annotations

import subprocess
import sys

HEAVY = "cattrs json decimal uuid hashlib dataclasses jsonschema"


def loaded(code: str) -> set[str]:
    """Which heavy modules a fresh interpreter has after the code."""
    told = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r}.split() if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_import_is_light():
    """Importing, and plain JSON data, cost no heavy module."""
    plain = "Schema().unstructure({'a': [1, {'b': None}]}); Schema().structure({'a': 1}, None)"
    assert not loaded("import synapse_core.schema")
    assert not loaded(f"from synapse_core.schema import Schema; {plain}")


def test_fields_and_results_need_no_cattrs():
    """Reading fields, typed text, JSON Schema and unstructuring models leave cattrs alone; structuring needs it."""
    code = """
import attrs
from synapse_core.schema import Schema, parse_text
@attrs.define
class P:
    a: int = 1
schema = Schema()
schema.fields(P), schema.json_schema(P), schema.ui_schema(P), parse_text('1', int), schema.unstructure(P())
"""
    assert not loaded(code)
    assert "cattrs" in loaded(f"{code}\nschema.structure({{}}, P)")
