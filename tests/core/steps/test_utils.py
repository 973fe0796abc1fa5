"""The ready-made steps, and the context by itself."""

from __future__ import annotations

import pickle

import pytest

from synapse_core.context import CancelToken, RuntimeContext
from synapse_core.errors import ActionCancelled
from synapse_core.steps import (
    BaseStepContext,
    LoggingStep,
    Orchestrator,
    StepFailedError,
    StepRegistry,
    StepResult,
    TimingStep,
    ValidationStep,
)
from tests.core.loggers.helpers import Recorder
from tests.core.steps.helpers import Diary, Scripted


@pytest.fixture
def log():
    return Recorder()


@pytest.fixture
def diary(log):
    return Diary(RuntimeContext(log))


def run(diary, *steps):
    return Orchestrator(StepRegistry(steps), diary).execute()


def lines(log):
    return [(payload["message"], payload["data"]["step"]) for _, payload in log.events]


class TestLoggingStep:
    def test_start_and_end(self, log, diary):
        """A line before and one after, which says how it went."""
        run(diary, LoggingStep(Scripted("a")))
        assert lines(log) == [("step_start", "a"), ("step_end", "a")]
        end = log.last["data"]
        assert end["success"]
        assert not end["skipped"]
        assert end["elapsed"] >= 0

    def test_failure_and_rollback(self, log, diary):
        """A failure and a rollback have lines of their own; the step within is undone with its own result."""
        first = Scripted("a")
        with pytest.raises(StepFailedError):
            run(diary, LoggingStep(first), LoggingStep(Scripted("b", ValueError("no"))))
        assert lines(log)[2:] == [
            ("step_start", "b"),
            ("step_failed", "b"),
            ("step_rollback", "b"),
            ("step_rollback", "a"),
        ]
        assert log.events[3][1]["data"]["error"] == "ValueError: no"
        assert first.undone_with is not None
        assert first.undone_with.rollback_data == {"of": "a"}

    def test_a_cancel_does_not_cost_the_result(self, log):
        """A cancel that comes while the step works leaves it its result, so that it can be undone."""
        cancel = CancelToken()

        class Slow(Scripted):
            def execute(self, context):
                cancel.cancel()
                return super().execute(context)

        slow = Slow("a")
        diary = Diary(RuntimeContext(log, cancel=cancel))

        class Asks(Scripted):
            def execute(self, context):
                context.log("here the cancel is noticed")
                return super().execute(context)

        with pytest.raises(ActionCancelled):
            run(diary, LoggingStep(slow), Asks("b"))
        assert slow.undone_with is not None
        assert slow.undone_with.rollback_data == {"of": "a"}


class TestTimingStep:
    def test_duration_joins_the_data(self, diary):
        """The result of the step within, and how long it took."""
        run(diary, TimingStep(Scripted("a", StepResult(data={"n": 1}, rollback_data={"x": 2}))))
        result = diary.step_results["a"]
        assert result.data["n"] == 1
        assert result.data["duration_seconds"] >= 0
        assert result.rollback_data == {"x": 2}


class TestWrapping:
    @pytest.mark.parametrize("wrap", [LoggingStep, TimingStep])
    def test_a_wrapper_goes_by_the_name_of_what_it_wraps(self, diary, wrap):
        """Name, weight, skipping and undoing are those of the step within."""
        registry = StepRegistry([wrap(Scripted("a", weight=3)), wrap(Scripted("b", skip=True))])
        registry.insert_after("a", wrap(Scripted("c", ValueError("no"))))
        assert registry.names == ["a", "c", "b"]
        assert registry.total_weight == 5
        with pytest.raises(StepFailedError):
            Orchestrator(registry, diary).execute()
        assert diary.done == ["+a", "+c", "-c", "-a"]

    def test_wrappers_wrap_each_other(self, log, diary):
        """Both do their part."""
        run(diary, LoggingStep(TimingStep(Scripted("a"))), TimingStep(LoggingStep(Scripted("b", skip=True))))
        assert "duration_seconds" in diary.step_results["a"].data
        assert lines(log) == [("step_start", "a"), ("step_end", "a")]

    @pytest.mark.parametrize("wrap", [LoggingStep, TimingStep])
    def test_what_the_step_within_returns_is_checked(self, diary, wrap):
        """A step that forgets its result fails as it would by itself."""
        with pytest.raises(StepFailedError, match="not a StepResult"):
            run(diary, wrap(Scripted("a", "done")))


class TestValidationStep:
    @pytest.mark.parametrize("verdict", [True, (True, None), (True, "unused")])
    def test_valid(self, diary, verdict):
        """Goes on."""
        run(diary, ValidationStep(lambda _: verdict, "check"))
        assert diary.step_results["check"].success

    @pytest.mark.parametrize(
        ("verdict", "why"), [(False, "the context is not valid"), ((False, "no files"), "no files")]
    )
    def test_invalid(self, diary, verdict, why):
        """Fails with the validator's words, and what came before is undone."""
        with pytest.raises(StepFailedError, match=f"step 'check' failed: {why}"):
            run(diary, Scripted("a"), ValidationStep(lambda _: verdict, "check"))
        assert diary.done == ["+a", "-a"]

    @pytest.mark.parametrize("verdict", [["no files"], [], "no files", None, (True, "a", "b"), ([], "why")])
    def test_what_is_no_verdict(self, diary, verdict):
        """A list of faults is true, and would pass; nothing at all says nothing."""
        with pytest.raises(StepFailedError, match=r"TypeError: the validator returned .*, not True, False or \(False"):
            run(diary, ValidationStep(lambda _: verdict, "check"))

    def test_a_validator_sees_the_context(self, diary):
        """It is given what the steps share."""
        run(diary, Scripted("a"), ValidationStep(lambda context: (context.done == ["+a"], "wrong"), progress_weight=0))
        assert diary.step_results["validate"].success


class TestContext:
    def test_without_a_runtime_context(self):
        """Steps can be tried out by themselves: reports go nowhere."""
        context = BaseStepContext()
        context.log("x", {"a": 1})
        context.set_progress(1, 2)
        context.set_metrics({"a": 1})
        context.logger.info("x")
        assert context.client is None

    def test_reports_go_to_the_runtime_context(self, log):
        """Under the running step's name where no category is given."""
        client = object()
        context = BaseStepContext(RuntimeContext(log, client=client), current_step="load")
        context.log("found", {"n": 1}, "warning")
        context.set_metrics({"rows": 3})
        context.set_metrics({"rows": 3}, "all")
        context.set_progress(1, 2)
        assert context.client is client
        assert [payload for _, payload in log.events] == [
            {"level": "warning", "message": "found", "data": {"n": 1}},
            {"category": "load", "metrics": {"rows": 3}},
            {"category": "all", "metrics": {"rows": 3}},
            {"category": "load", "current": 1, "total": 2},
        ]

    def test_contexts_share_nothing(self):
        """Each has its own results and errors."""
        BaseStepContext().errors.append("x")
        assert BaseStepContext().errors == []

    def test_a_failure_crosses_processes(self):
        """The error can be pickled, with what it says of the step."""
        error = pickle.loads(pickle.dumps(StepFailedError("no", step="a", error_type="ValueError")))
        assert (str(error), error.step, error.error_type) == ("no", "a", "ValueError")
