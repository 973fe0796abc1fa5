"""What a kit says of a part that breaks a rule."""

from __future__ import annotations

import pytest

from synapse_core.builtin.memory import MemoryStore
from synapse_core.testing import StoreContract


class ForgetfulStore(MemoryStore):
    """Gives no event but the first."""

    async def read(self, run_id, **options):
        return (await super().read(run_id, **options))[:1]


class ForgetfulStoreRules(StoreContract):
    def make_store(self):
        return ForgetfulStore()


def test_a_broken_rule_shows_what_was_compared() -> None:
    """Without anything in a ``conftest.py``: the kit's asserts are as telling as those of a test."""
    with pytest.raises(AssertionError, match=r"assert \[1\] == \[1, 2"):
        ForgetfulStoreRules().test_events_are_numbered_from_one()
