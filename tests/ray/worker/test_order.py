"""Orders: what a worker is told, and what it makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from synapse_core.protocols import Call
from synapse_ray.base import BaseRayExecutor
from synapse_ray.packaging import HOME
from synapse_ray.worker.order import Order, Orders

CALL = Call("run", "act", 2, "pkg.mod:act", {"a": [1]}, extra="forbid", env={"X": "1"}, passes=True, stop="hard")


def told(call: Call, orders: Orders, places: Mapping[str, tuple[int, int]] | None = None) -> Order:
    """The order for a call, as a worker reads it."""
    return Order.unpack(orders.pack(call, places))


@pytest.mark.parametrize(
    "call",
    [
        CALL,
        attrs.evolve(CALL, run_id="other", attempt=3, job_id="j", midway={"state": 1}, work_dir="/w", passes=False),
        attrs.evolve(CALL, env={"X": "2"}),
        attrs.evolve(CALL, params={}, hooks=("a.hook",), stop=None, strict=True),
    ],
)
def test_a_call_arrives_as_it_was_made(call: Call):
    """Whatever was packed before it, of the same action or another."""
    orders = Orders(lambda each: each, "inbox", keeps=True, passes=True)
    for before in (CALL, attrs.evolve(CALL, action="b"), call):
        order = told(before, orders, {"a": (0, 1)})
        assert order.call == before
        assert (order.key, order.inbox, order.keeps, order.places) == (
            f"{before.run_id}/{before.action}/{before.attempt}",
            "inbox",
            True,
            {"a": (0, 1)},
        )


def test_results_come_whole_where_nobody_takes_their_parts():
    """A call whose result only passes through is told so where that makes a difference."""
    call = attrs.evolve(CALL, passes=True)
    assert [told(call, Orders(lambda each: each, "", passes=passes)).call.passes for passes in (True, False)] == [
        True,
        False,
    ]


def test_what_an_action_changes_is_not_the_next_ones():
    """Each order has an environment of its own, though its terms are read once."""
    orders = Orders(lambda each: each, "inbox")
    first: Any = told(CALL, orders).call.env
    first["X"] = "changed"
    assert told(CALL, orders).call.env == {"X": "1"}


def test_paths_are_whole_again_and_secrets_apart(monkeypatch: pytest.MonkeyPatch):
    """A path stands in the folder that the worker began in; a secret belongs into its process's environment."""
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "hush")
    call = attrs.evolve(CALL, entrypoint="plugin/act.py:act", root="plugin")
    order = told(call, Orders(BaseRayExecutor().remote_call, "inbox"))
    assert (order.call.entrypoint, order.call.root) == (f"{HOME}/plugin/act.py:act", f"{HOME}/plugin")
    assert order.secrets == {"SYNAPSE_ACCESS_TOKEN": "hush"}
    assert "hush" not in repr(order)
