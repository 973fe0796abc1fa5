"""The ids of jobs: found again by run, action and attempt, and no two attempts share one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core import SynapseError
from synapse_core.protocols import Call
from synapse_ray.jobs_api.ids import checked, submission_id

names = st.text(st.sampled_from("ab-/.[]1é _"), min_size=1, max_size=6) | st.text(min_size=1, max_size=300)
attempts = st.tuples(names, names, st.integers(1, 30))


def id_of(run: str, action: str, attempt: int) -> str:
    return submission_id(Call(run, action, attempt, "m:f", {}))


def test_an_id_says_whose_it_is():
    """So that somebody who looks at Ray's list of jobs finds the run."""
    assert id_of("01a1fd54", "train", 2) == "synapse-01a1fd54-train-2"


@given(attempts, attempts)
def test_an_id_is_of_one_attempt(one: tuple[str, str, int], other: tuple[str, str, int]):
    """The same for the same, another for another, whatever the names are; and it can stand in an address."""
    assert (id_of(*one) == id_of(*other)) == (one == other)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,170}", id_of(*one))


@pytest.mark.parametrize("job_id", ["", "my job", "a/b", "ä", "x" * 200])
def test_an_id_that_cannot_be_one_is_refused(job_id: str):
    """The message says what can."""
    with pytest.raises(SynapseError, match=r"cannot be the id of a job(.|\n)*letters, digits"):
        checked(job_id)
