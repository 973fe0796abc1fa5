"""What the engine's actor does for its one run, here without the actor: over a file, its attempts in threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse_core import LocalExecutor, Session
from synapse_core.errors import RunNotFoundError, StoreError, StoreUnavailableError
from synapse_core.models import RunStatus
from synapse_core.pipeline import as_graph
from synapse_core.testing import actions
from synapse_ray.errors import EnvironmentSetupError
from synapse_ray.pipeline.life import Life
from synapse_ray.pipeline.orders import Order, Post
from tests.ports import free_port

MakeLife = Callable[..., Life]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of a store in a file."""
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def make_life(url: str, tmp_path: Path) -> MakeLife:
    """Makes the life of the run ``r``."""

    def make(store: str = url, *, again: bool = False) -> Life:
        return Life(Post("r", store, work_base=str(tmp_path / "runs")), store, LocalExecutor, again=again)

    return make


def order(params: dict[str, Any]) -> Order:
    """A run of one action."""
    return Order(as_graph([actions.echo]).plan.to_data(), params, {"hosted_by": "ray-pipeline"})


def test_a_run_is_ordered_and_seen_to_its_end(make_life: MakeLife, url: str):
    """It begins when it is kept and claimed; what is kept says who hosts it."""
    life = make_life()
    life.order(order({"a": 1}))
    life.live()
    assert life.begun.result(0) is None
    with Session(store=url) as session:
        assert session.result("r") == {"a": 1}
        assert session.call(session.store.record("r")).options["executor"] == "ray-pipeline"


def test_an_order_that_came_twice_holds_once(make_life: MakeLife):
    """A driver that got no answer asks again."""
    life = make_life()
    life.order(order({"a": 1}))
    life.order(order({"a": 1}))
    life.live()
    assert life.begun.result(0) is None


def test_an_id_that_is_taken_is_refused(make_life: MakeLife, url: str):
    """The run that has it stays as it is."""
    first = make_life()
    first.order(order({"a": 1}))
    first.live()
    second = make_life()
    second.heard.set()
    second.order(order({"a": 2}))
    second.live()
    with pytest.raises(StoreError, match="there is a run 'r' already"):
        second.begun.result(0)
    with Session(store=url) as session:
        assert session.result("r") == {"a": 1}


def test_a_restarted_actor_leaves_an_ended_run_alone(make_life: MakeLife, url: str):
    """It needs no order, and writes nothing."""
    first = make_life()
    first.order(order({"a": 1}))
    first.live()
    with Session(store=url) as session:
        before = session.progress("r")
    again = make_life(again=True)
    again.live()
    assert again.begun.result(0) is None
    with Session(store=url) as session:
        assert session.progress("r") == before
        assert before.status is RunStatus.COMPLETED


def test_a_restarted_actor_that_was_not_ordered_yet_is(make_life: MakeLife, url: str):
    """It died before its run was kept: the driver asks again."""
    life = make_life(again=True)
    life.order(order({"a": 1}))
    life.live()
    with Session(store=url) as session:
        assert session.progress("r").status is RunStatus.COMPLETED


def test_what_is_not_there_cannot_be_gone_on_with(make_life: MakeLife):
    """To go on is asked for without an order."""
    life = make_life()
    life.heard.set()
    life.order(None)
    life.live()
    with pytest.raises(RunNotFoundError, match="no run 'r'"):
        life.begun.result(0)


def test_a_store_that_cannot_be_reached_is_said_at_once(make_life: MakeLife):
    """By the actor's first life; with what to give."""
    life = make_life(f"http://127.0.0.1:{free_port()}")
    life.heard.set()
    life.live()
    with pytest.raises(StoreUnavailableError, match=r"cannot be reached from the cluster[\s\S]*actor_pipeline"):
        life.begun.result(0)


def test_a_store_that_nobody_brings_is_a_matter_of_installing(make_life: MakeLife):
    """Synapse's stores are missing on the node: what to install is said."""
    life = make_life("nostore:here")
    life.heard.set()
    life.live()
    with pytest.raises(EnvironmentSetupError, match="include_sdk=True"):
        life.begun.result(0)
