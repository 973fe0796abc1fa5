"""What a store is told of a plan is worked out once, and is each run's own."""

from __future__ import annotations

from typing import Annotated

import attrs

from synapse_core import ActionPipeline, action
from synapse_core.schema import Schema, Secret
from synapse_core.session import described
from synapse_core.session.described import Described


@attrs.frozen
class Params:
    token: Annotated[str, Secret] = ""


@action("upload", params=Params)
def upload(params: Params) -> None:
    """Take a secret."""


def test_a_plan_is_described_as_it_is(monkeypatch) -> None:
    """Each time anew for the caller, with secrets where they are wanted, also after others were described."""
    monkeypatch.setattr(described, "_KEPT", 2)
    known = Described(Schema())
    plans = [ActionPipeline([upload] * size, name=f"of {size}").plan for size in (1, 2, 3)]
    for plan in [*plans, *plans]:
        data = known.data(plan, secrets=False)
        assert data == plan.to_data(portable=False)
        data["nodes"][0]["name"] = "changed"
        data["nodes"].clear()
        assert known.data(plan, secrets=True) == {**plan.to_data(portable=False), "secrets": ["token"]}
