"""Results against what an action says of them: any annotation will do, a misfit warns, and fails where it is strict."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import attrs
import pytest

from synapse_core import ActionPipeline, ExecutionError, LocalExecutor, Session, ValidationError, action


class Point(TypedDict):
    x: int
    y: int


@attrs.frozen
class Trained:
    loss: float


def giving(annotation: Any, value: Any) -> Callable[..., Any]:
    def act(params: dict[str, Any]) -> Any:
        return value

    act.__annotations__["return"] = annotation
    return action(act)


FITTING = [
    (list[int], [1, 2]),
    (tuple[int, str], (1, "a")),
    (dict[str, int], {"a": 1}),
    (set[str], {"a", "b"}),
    (int | None, None),
    (float, 1),
    (str, "text"),
    (Path, Path("a/b")),
    (Point, {"x": 1, "y": 2}),
    (Trained, Trained(0.5)),
    (Trained, {"loss": 0.5}),
    (list[Trained], [Trained(0.5)]),
]


@pytest.mark.parametrize(("annotation", "value"), FITTING, ids=str)
def test_a_result_that_fits_is_given_as_it_is(annotation: Any, value: Any) -> None:
    """Whatever kind of type the annotation is; a warning would be an error here."""
    assert LocalExecutor(strict=True).execute(giving(annotation, value)) == value
    assert ActionPipeline([giving(annotation, value)]).execute(strict=True) == value


MISFITS = [
    (list[int], [1, "two"], r"\[1\]: expected int, got str 'two'"),
    (Point, {"x": 1}, "y: is required"),
    (Trained, {"loss": "low"}, "loss: expected float, got str 'low'"),
    (Trained, 7, "expected Trained, got int 7"),
    (str, 3, "expected str, got int 3"),
]


@pytest.mark.parametrize(("annotation", "value", "wrong"), MISFITS, ids=str)
def test_a_misfit_is_an_error_where_it_is_strict(annotation: Any, value: Any, wrong: str) -> None:
    """The error says what is wrong with which field of which action's result."""
    act = giving(annotation, value)
    with pytest.raises(ValidationError, match=wrong) as caught:
        LocalExecutor(strict=True).execute(act)
    assert "the result of 'act' does not fit its result model" in str(caught.value)
    assert len(caught.value.issues) == 1
    with pytest.raises(ExecutionError, match=wrong):
        ActionPipeline([act]).execute(strict=True)


@pytest.mark.parametrize(("annotation", "value", "wrong"), MISFITS, ids=str)
def test_a_misfit_is_a_warning_else(annotation: Any, value: Any, wrong: str) -> None:
    """The work is done, so its result is kept; the run's log has the warning."""
    act = giving(annotation, value)
    with pytest.warns(UserWarning, match=wrong):
        assert LocalExecutor().execute(act) == value
    with Session(entry_points=False) as session:
        run_id = session.submit([act])
        session.wait(run_id)
        logged = [e.payload for e in session.stream_events(run_id) if e.kind == "action.log"]
        assert session.result(run_id) == value
    assert [entry["level"] for entry in logged] == ["warning"]
    assert "does not fit" in logged[0]["message"]
