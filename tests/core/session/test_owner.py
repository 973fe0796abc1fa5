"""Who has a run: what is said to whoever wants it too, and to an engine that has lost it."""

from __future__ import annotations

import os
import socket

import pytest

from synapse_core import Session, action
from synapse_core.builtin.memory import MemoryStore
from synapse_core.errors import LeaseLostError
from synapse_core.session.owner import is_dead, owner_id, place
from synapse_core.testing import actions, wait_until

HERE = f"process {os.getpid()} on {socket.gethostname()}"


@pytest.fixture
def store():
    return MemoryStore()


@action
def first(params: dict[str, int]) -> dict[str, int]:
    return {"n": 1}


PIPELINE = [first, actions.wait]


def start(session, tmp_path):
    """A run whose second action waits, once that has begun."""
    started = tmp_path / "started"
    run_id = session.submit(PIPELINE, {"started": str(started)})
    wait_until(started.exists, "the action has begun")
    return run_id


def test_an_owner_is_a_process_on_a_machine():
    """No two are the same; of others nothing is known but their name."""
    owner = owner_id()
    assert place(owner) == HERE
    assert owner != owner_id()
    assert not is_dead(owner)
    assert place("somebody") == "somebody"
    assert not is_dead("somebody")


@pytest.mark.parametrize("want", ["recover", "resume"])
def test_a_run_that_is_run_is_not_to_be_had(want, store, tmp_path):
    """Who has it, until when, and what can be done."""
    with Session(store=store, work_base=tmp_path) as session, Session(store=store, work_base=tmp_path) as other:
        run_id = start(session, tmp_path)
        with pytest.raises(LeaseLostError) as caught:
            other.recover(run_id) if want == "recover" else other.submit(PIPELINE, resume_from=run_id)
        reason = other.unfinished()[0].reason
    assert caught.value.message.startswith(f"run {run_id} is run by {HERE}, at least until ")
    assert "cancel it" in (caught.value.hint or "")
    assert reason == f"it is run by {HERE}"


def test_an_engine_that_lost_its_run_says_to_whom(store, tmp_path):
    """Its actions are stopped, and whoever waits for the run here is told."""
    with Session(store=store, work_base=tmp_path, lease=0.3) as session:  # renewed so often that it is noticed at once
        run_id = start(session, tmp_path)
        held = session.call(store.lease(run_id))
        session.call(store.acquire(run_id, "another engine", 30.0, over=held))
        with pytest.raises(LeaseLostError, match=f"run {run_id} was taken over by another engine") as caught:
            session.wait(run_id, timeout=20)
    assert caught.value.lease.owner == "another engine"
