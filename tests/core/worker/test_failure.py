"""An exception as data."""

from __future__ import annotations

import pytest

from synapse_core.errors import ExecutionError
from synapse_core.testing import actions
from synapse_core.worker.failure import failure_of, kinds_of, type_name


def raised(error: BaseException) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


class Outer:
    class InnerError(LookupError):
        pass


def test_type_message_and_traceback_are_kept():
    """With the line that raised."""
    failure = failure_of(raised(ValueError("größe")))
    assert (failure.type, failure.message) == ("ValueError", "größe")
    assert "raise error" in failure.traceback
    assert failure.traceback.endswith("ValueError: größe\n")


def test_a_type_is_told_with_its_module():
    """But for those of Python itself."""
    assert type_name(KeyError) == "KeyError"
    assert type_name(Outer.InnerError) == f"{__name__}.Outer.InnerError"


def test_what_it_is_a_subclass_of_is_told():
    """From the type itself up to Exception."""
    kinds = kinds_of(Outer.InnerError())
    assert kinds == (f"{__name__}.Outer.InnerError", "LookupError", "Exception", "BaseException")


def test_the_cause_is_in_the_traceback():
    """As Python prints it."""
    try:
        try:
            raise KeyError("cause")
        except KeyError as error:
            raise ValueError("effect") from error
    except ValueError as error:
        traceback = failure_of(error).traceback
    assert "KeyError: 'cause'" in traceback
    assert "direct cause" in traceback


def test_one_that_cannot_say_what_it_is_has_a_type():
    """Its message is said to be missing; nothing is raised."""
    failure = failure_of(raised(actions.MuteError()))
    assert failure.type == "synapse_core.testing.actions.failing.MuteError"
    assert failure.message == "(its message cannot be had: RuntimeError)"
    assert "raise error" in failure.traceback


@pytest.mark.parametrize(("code", "told"), [(3, "3"), (None, "None"), ("bye", "'bye'")])
def test_an_exit_is_said_to_be_one(code: object, told: str):
    """With its code."""
    assert failure_of(raised(SystemExit(code))).message == f"the action ended its process: exit code {told}"


def test_a_huge_message_is_cut():
    """Beginning and end are kept."""
    failure = failure_of(raised(ValueError("a" * 500_000 + "z" * 500_000)))
    assert len(failure.message) < 70_000
    assert failure.message.startswith("aaa")
    assert failure.message.endswith("zzz")
    assert "characters left out" in failure.message


def test_one_that_stands_for_another_tells_that_ones_type():
    """A run within an action failed: retries go by what failed there."""
    error = ExecutionError("run r failed: ValueError: no", error_type="ValueError")
    assert failure_of(error).type == "ValueError"
    assert kinds_of(error) == ("ValueError",)


def test_our_own_frames_are_left_out():
    """The traceback begins with the action's."""
    from synapse_core import LocalExecutor

    try:
        LocalExecutor().execute(actions.fail, {"message": "x"})
    except ValueError as error:
        traceback = failure_of(error).traceback
    assert "in fail" in traceback
