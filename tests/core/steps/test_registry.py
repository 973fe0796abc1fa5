"""The registry keeps steps in order, and names apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import NotFoundError
from synapse_core.steps import BaseStep, StepError, StepRegistry, StepResult
from tests.core.steps.helpers import Diary, Scripted


def registry(*names: str) -> StepRegistry[Diary]:
    return StepRegistry([Scripted(name) for name in names])


def test_steps_are_put_where_they_are_asked_for():
    """At the end, before and after others, and taken out."""
    steps = registry("load", "upload")
    steps.insert_before("upload", Scripted("compress"))
    steps.insert_after("load", Scripted("check"))
    steps.insert_after("upload", Scripted("tidy"))
    assert steps.names == ["load", "check", "compress", "upload", "tidy"]
    assert steps.unregister("check").name == "check"
    assert [step.name for step in steps] == ["load", "compress", "upload", "tidy"]
    assert len(steps) == 4
    assert "load" in steps
    assert "check" not in steps
    assert steps.total_weight == 4
    assert repr(steps) == "StepRegistry(load, compress, upload, tidy)"


@pytest.mark.parametrize("call", ["insert_before", "insert_after"])
def test_an_unknown_name_is_answered(call):
    """With what may have been meant and what there is; nothing is added."""
    steps = registry("load", "upload")
    with pytest.raises(NotFoundError, match="no step 'uplod'; did you mean 'upload'"):
        getattr(steps, call)("uplod", Scripted("x"))
    with pytest.raises(NotFoundError, match="no step 'x'"):
        steps.unregister("x")
    assert steps.names == ["load", "upload"]


@pytest.mark.parametrize(
    "add", [lambda r, s: r.register(s), lambda r, s: r.insert_before("a", s), lambda r, s: r.insert_after("a", s)]
)
def test_a_name_used_twice(add):
    """Two steps of one name are an error that shows both."""
    steps = registry("a")
    with pytest.raises(StepError, match="two steps are called 'a'"):
        add(steps, Scripted("a"))
    assert len(steps) == 1


def test_what_is_no_step():
    """A class in place of an instance, or a step without a name, is told at once."""
    with pytest.raises(StepError, match="register an instance"):
        registry().register(Scripted)  # type: ignore[arg-type]
    with pytest.raises(StepError, match="is no step"):
        registry().register("load")  # type: ignore[arg-type]
    with pytest.raises(StepError, match="not a text"):
        registry("")


def test_plain_attributes_will_do():
    """``name`` and ``progress_weight`` need not be properties."""

    class Load(BaseStep[Diary]):
        name = "load"
        progress_weight = 0.3

        def execute(self, context: Diary) -> StepResult:
            return StepResult()

    steps = StepRegistry([Load()])
    assert steps.names == ["load"]
    assert steps.total_weight == 0.3


def test_a_step_without_a_name_or_work_cannot_be_made():
    """Both are abstract."""
    assert BaseStep.__abstractmethods__ == {"name", "execute"}


@given(st.lists(st.tuples(st.sampled_from(["end", "before", "after", "out"]), st.integers(0, 30))))
def test_it_is_an_ordered_list(moves):
    """Any sequence of changes does what it does to a list."""
    steps = registry()
    model: list[str] = []
    for n, (move, at) in enumerate(moves):
        name = f"s{n}"
        if move == "end" or not model:
            steps.register(Scripted(name))
            model.append(name)
            continue
        place = at % len(model)
        if move == "out":
            steps.unregister(model.pop(place))
        else:
            getattr(steps, f"insert_{move}")(model[place], Scripted(name))
            model.insert(place + (move == "after"), name)
        assert steps.names == model
