"""`Node`, `Retry` and `Resources`: what they take, and what they refuse."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import PipelineError
from synapse_core.pipeline import Node, Resources, Retry


class TestNode:
    @pytest.mark.parametrize(
        ("given", "kept"), [(None, None), ("a", ("a",)), ([], ()), (["a", "b"], ("a", "b")), ({"a": 1}, ("a",))]
    )
    def test_needs(self, given, kept):
        """One name or several; None leaves it to the place in the list."""
        assert Node(print, needs=given).needs == kept

    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ({"timeout": 0}, "timeout must be above 0, got 0"),
            ({"timeout": "5"}, "timeout must be a finite number, got '5'"),
            ({"timeout": math.inf}, "timeout must be a finite number, got inf"),
            ({"timeout": math.nan}, "timeout must be a finite number, got nan"),
            ({"timeout": True}, "timeout must be a finite number, got True"),
            ({"max_parallel": 0}, "max_parallel must be a whole number of 1 or above, got 0"),
            ({"max_parallel": 1.5}, "max_parallel must be a whole number of 1 or above, got 1.5"),
            ({"retry": 3}, "retry must be a Retry, got 3"),
            ({"resources": {"num_gpus": 1}}, "resources must be a Resources, got {'num_gpus': 1}"),
            ({"inputs": "a.x"}, "inputs must be a mapping with text for keys, got 'a.x'"),
            ({"inputs": {1: "a.x"}}, "inputs must be a mapping with text for keys, got {1: 'a.x'}"),
        ],
    )
    def test_what_is_refused(self, said, why):
        """At once, naming the option and the value."""
        with pytest.raises(PipelineError) as caught:
            Node(print, **said)
        assert str(caught.value) == why

    def test_it_is_a_value(self):
        """Frozen, and independent of what it was made from."""
        inputs = {"a": "b.c"}
        node = Node(print, inputs=inputs)
        inputs["a"] = "x.y"
        assert node.inputs == {"a": "b.c"}
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            node.timeout = 3  # type: ignore[misc]


class TestResources:
    def test_amounts(self):
        """Only what is asked for, custom ones among them."""
        resources = Resources(num_cpus=0, num_gpus=0.5, custom={"licence": 1, "none": 0})
        assert resources.amounts() == {"num_gpus": 0.5, "licence": 1}

    @pytest.mark.parametrize(
        "said", [{"num_cpus": -1}, {"num_gpus": "1"}, {"memory": math.inf}, {"custom": {"x": -1}}, {"custom": 3}]
    )
    def test_what_is_refused(self, said):
        """Anything that is no amount."""
        with pytest.raises(PipelineError):
            Resources(**said)


class TestRetry:
    @pytest.mark.parametrize(
        "said",
        [
            {"max_attempts": 0},
            {"max_attempts": 2.0},
            {"max_attempts": None},
            {"delay": -1},
            {"delay": None},
            {"backoff": 0},
            {"max_delay": math.inf},
            {"jitter": 1.1},
            {"jitter": "x"},
            {"on": [3]},
            {"on": ValueError("x")},
        ],
    )
    def test_what_is_refused(self, said):
        """Anything that would only show when an action has failed."""
        with pytest.raises(PipelineError):
            Retry(**said)

    @pytest.mark.parametrize("on", [OSError, "OSError", [OSError], ("OSError",)])
    def test_which_failures(self, on):
        """By type or by name, with or without its module; all if none is named."""
        retry = Retry(on=on)
        assert retry.on == ("OSError",)
        assert retry.wants("OSError")
        assert retry.wants("somewhere.OSError")
        assert not retry.wants("ValueError")
        assert Retry().wants("ValueError")

    def test_pauses_grow_up_to_the_longest(self):
        """Without jitter exactly so."""
        retry = Retry(delay=1, backoff=3, max_delay=20, jitter=0)
        assert [retry.pause(attempt) for attempt in (1, 2, 3, 4, 5000)] == [1, 3, 9, 20, 20]
        assert Retry(delay=0).pause(5000) == 0

    @given(
        st.integers(1, 10_000),
        st.fixed_dictionaries(
            {"delay": st.floats(0, 100), "backoff": st.floats(0.1, 10), "max_delay": st.floats(0, 100)}
        ),
        st.floats(0, 1),
        st.floats(0, 1),
    )
    def test_pauses_are_bounded(self, attempt, delays, jitter, chance):
        """Whatever is said: never below 0, never above the longest; jitter only takes off."""
        pause = Retry(**delays, jitter=jitter).pause(attempt, lambda: chance)
        full = Retry(**delays, jitter=0).pause(attempt)
        assert 0 <= pause <= full <= delays["max_delay"]
        assert pause >= full * (1 - jitter) - 1e-9
