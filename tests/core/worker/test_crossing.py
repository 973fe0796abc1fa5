"""What crosses between processes: it comes out as it went in, through JSON too."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from synapse_core import DiscoveryError
from synapse_core.events import Draft, Kind, now
from synapse_core.models import Failure
from synapse_core.protocols import Outcome
from synapse_core.testing import actions
from synapse_core.testing.executor.rules import call_of as a_call_of
from synapse_core.worker.crossing import call_data, call_of, draft_rows, drafts_of, outcome_data, outcome_of


def test_drafts_come_through():
    """With their times, to the microsecond."""
    drafts = [Draft(Kind.ACTION_LOG, now(), "größe", 2, {"message": "→"}), Draft("later.kind", now())]
    assert drafts_of(json.loads(json.dumps(draft_rows(drafts)))) == drafts


def test_a_call_comes_through():
    """But for what only means something in the process that made it."""
    call = a_call_of(actions.echo, {"a": [1]}, env={"B": "ü"}, hooks=("one", "two"), midway={"state": 3})
    assert call_of(json.loads(json.dumps(call_data(call)))) == evolve(call, spec=None, local=None, resources=None)


def test_an_action_that_only_this_process_has_does_not_leave_it():
    """The error says what to do, before anything is started."""
    with pytest.raises(DiscoveryError, match="top level"):
        call_data(evolve(a_call_of(actions.echo), entrypoint="a.b:f.<locals>.g"))


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("completed", {"a": 1}, {"a": 1}),
        Outcome("completed", [None, "ü"]),
        Outcome("failed", failure=Failure("ValueError", "no", "Traceback …"), kinds=("ValueError", "Exception")),
    ],
)
def test_an_outcome_comes_through(outcome: Outcome):
    """With its failure, and what retries go by."""
    assert outcome_of(json.loads(json.dumps(outcome_data(outcome)))) == outcome
