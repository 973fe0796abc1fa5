"""Steps run in order; when one fails or the work is stopped, what had begun is undone, last first."""

from __future__ import annotations

import traceback
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.context import CancelToken, RuntimeContext
from synapse_core.errors import ActionCancelled, ExecutionError
from synapse_core.events import Kind
from synapse_core.steps import BaseStep, Orchestrator, StepError, StepFailedError, StepRegistry, StepResult
from tests.core.loggers.helpers import Recorder
from tests.core.steps.helpers import Diary, Scripted

STOPS = [KeyboardInterrupt(), ActionCancelled("stop"), SystemExit(3)]


def orchestrate(*steps: BaseStep[Diary], context: Diary | None = None, **options) -> tuple[Diary, Orchestrator[Diary]]:
    context = context or Diary()
    return context, Orchestrator(StepRegistry(steps), context, **options)


class TestForwards:
    def test_all_run_in_order(self):
        """Each step runs once, results are kept by name, and the summary counts."""
        diary, run = orchestrate(Scripted("a", StepResult(data={"n": 1})), Scripted("b"), Scripted("c", skip=True))
        assert run.execute() == {"success": True, "steps_executed": 2, "steps_skipped": 1, "steps_total": 3}
        assert diary.done == ["+a", "+b"]
        assert diary.step_results["a"].data == {"n": 1}
        assert diary.step_results["c"].skipped
        assert diary.errors == []
        assert diary.current_step is None

    def test_no_steps(self):
        """Nothing to do is done."""
        assert orchestrate()[1].execute()["steps_total"] == 0

    def test_a_step_may_find_that_there_is_nothing_to_do(self):
        """A result that says ``skipped`` counts as skipped, and is not rolled back."""
        diary, run = orchestrate(Scripted("a", StepResult(skipped=True)), Scripted("b", ValueError("no")))
        with pytest.raises(StepFailedError):
            run.execute()
        assert diary.done == ["+a", "+b", "-b"]

    def test_steps_added_meanwhile_are_not_run(self):
        """The steps are those that were registered when it began."""
        registry: StepRegistry[Diary] = StepRegistry()

        class Adds(Scripted):
            def execute(self, context):
                registry.register(Scripted("late"))
                return super().execute(context)

        registry.register(Adds("a"))
        diary = Diary()
        Orchestrator(registry, diary).execute()
        assert diary.done == ["+a"]

    @pytest.mark.parametrize("returned", ["done", {"success": True}, 1])
    def test_a_step_returns_a_step_result(self, returned):
        """Anything else fails the step, and says what came."""
        _, run = orchestrate(Scripted("a", returned))
        with pytest.raises(StepFailedError, match="not a StepResult") as caught:
            run.execute()
        assert repr(returned) in str(caught.value)

    def test_an_async_step_is_told(self):
        """A coroutine is not left behind unawaited."""

        class Async(Scripted):
            async def execute(self, context):  # type: ignore[override]
                return StepResult()

        with pytest.raises(StepFailedError, match="is async"):
            orchestrate(Async("a"))[1].execute()


class TestProgress:
    def test_weights_make_the_progress_of_the_whole(self):
        """Each step, a skipped one too, moves it by its share."""
        seen: list[tuple[float, float]] = []
        steps = [Scripted("a", weight=1), Scripted("b", weight=3, skip=True), Scripted("c", weight=0), Scripted("d")]
        orchestrate(*steps, progress_callback=lambda *report: seen.append(report))[1].execute()
        assert seen == [(20.0, 100.0), (80.0, 100.0), (80.0, 100.0), (100.0, 100.0)]

    def test_weights_of_nothing_count_alike(self):
        """Steps that all weigh nothing share equally."""
        seen: list[float] = []
        steps = [Scripted(name, weight=0) for name in "ab"]
        orchestrate(*steps, progress_callback=lambda percent, _: seen.append(percent))[1].execute()
        assert seen == [50.0, 100.0]

    def test_progress_within_a_step_moves_the_whole(self):
        """``context.set_progress`` counts for the step's share; in a category of its own it does not."""
        seen: list[float] = []

        class Half(Scripted):
            def execute(self, context):
                context.set_progress(1, 2)
                context.set_progress(9, 10, "files")
                context.set_progress(3)
                context.set_progress(5, 2, self.name)
                return super().execute(context)

        log = Recorder()
        diary = Diary(RuntimeContext(log))
        _, run = orchestrate(
            Scripted("a"), Half("b"), context=diary, progress_callback=lambda percent, _: seen.append(percent)
        )
        run.execute()
        assert seen == [50.0, 75.0, 100.0, 100.0]
        assert [(p["category"], p["current"]) for _, p in log.events] == [("b", 1), ("files", 9), ("b", 3), ("b", 5)]
        diary.set_progress(1, 2)
        assert len(seen) == 4, "after the run nobody listens"

    @given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
    def test_it_rises_to_exactly_a_hundred(self, weights):
        """Whatever the weights, progress never falls and ends at 100."""
        seen: list[float] = []
        steps = [Scripted(str(n), weight=weight) for n, weight in enumerate(weights)]
        orchestrate(*steps, progress_callback=lambda percent, _: seen.append(percent))[1].execute()
        assert seen == sorted(seen)
        assert len(seen) == len(weights)
        assert seen[-1] == 100.0


class TestFailure:
    def test_what_a_step_raises_is_kept(self):
        """The error names the step, and the step's own exception is its cause."""
        cause = ConnectionError("refused")
        diary, run = orchestrate(Scripted("a"), Scripted("b", cause), Scripted("c"))
        with pytest.raises(StepFailedError, match="step 'b' failed: ConnectionError: refused") as caught:
            run.execute()
        assert caught.value.__cause__ is cause
        assert (caught.value.step, caught.value.error_type) == ("b", "ConnectionError")
        assert isinstance(caught.value, ExecutionError)
        assert isinstance(caught.value, RuntimeError)
        assert diary.done == ["+a", "+b", "-b", "-a"]
        assert diary.errors == ["step 'b' failed: ConnectionError: refused"]
        assert not diary.step_results["b"].success
        assert "c" not in diary.step_results

    def test_a_result_without_success(self):
        """``success=False`` fails with the result's own words, and its rollback data is used."""
        failing = Scripted("b", StepResult(success=False, error="disk full", rollback_data={"ids": [1]}))
        diary, run = orchestrate(Scripted("a"), failing)
        with pytest.raises(StepFailedError, match="step 'b' failed: disk full") as caught:
            run.execute()
        assert caught.value.result is failing.undone_with
        assert failing.undone_with is not None
        assert failing.undone_with.rollback_data == {"ids": [1]}
        assert diary.done == ["+a", "+b", "-b", "-a"]

    def test_each_rollback_gets_its_steps_result(self):
        """What a step gave to be undone with comes back to it."""
        first = Scripted("a")
        with pytest.raises(StepFailedError):
            orchestrate(first, Scripted("b", ValueError()))[1].execute()
        assert first.undone_with is not None
        assert first.undone_with.rollback_data == {"of": "a"}

    def test_can_skip_that_raises(self):
        """It fails the workflow; its step did not run and is not undone, those before are."""
        cause = ValueError("bad flag")
        diary, run = orchestrate(Scripted("a"), Scripted("b", skip=cause), Scripted("c"))
        with pytest.raises(StepFailedError, match="step 'b' failed: in can_skip: ValueError: bad flag") as caught:
            run.execute()
        assert caught.value.__cause__ is cause
        assert diary.done == ["+a", "-a"]

    @pytest.mark.parametrize("stop", STOPS, ids=repr)
    @pytest.mark.parametrize("where", ["execute", "skip"])
    def test_a_stop_is_rolled_back_and_goes_on(self, stop, where):
        """Ctrl-C, a cancel and an exit undo what had begun, and are themselves what is raised."""
        diary, run = orchestrate(Scripted("a"), Scripted("b", **{where: stop}))
        with pytest.raises(type(stop)) as caught:
            run.execute()
        assert caught.value is stop
        assert diary.done == (["+a", "+b", "-b", "-a"] if where == "execute" else ["+a", "-a"])

    @pytest.mark.parametrize("stop", [*STOPS, ValueError("no")], ids=repr)
    def test_a_progress_callback_that_raises(self, stop):
        """It is where a cancel is noticed, so it rolls back too."""

        def callback(percent: float, _total: float) -> None:
            raise stop

        diary, run = orchestrate(Scripted("a"), Scripted("b"), progress_callback=callback)
        with pytest.raises(type(stop)) as caught:
            run.execute()
        assert caught.value is stop
        assert diary.done == ["+a", "-a"]

    def test_workflows_within_workflows(self):
        """A step that runs steps of its own fails as any step, and the first cause is still told."""
        inner = orchestrate(Scripted("inner", ConnectionError("refused")))[1]

        class Nested(Scripted):
            def execute(self, context):
                inner.execute()
                return super().execute(context)

        with pytest.raises(StepFailedError, match="'outer' failed: StepFailedError: step 'inner' failed") as caught:
            orchestrate(Nested("outer"))[1].execute()
        assert caught.value.error_type == "ConnectionError"
        assert isinstance(caught.value.__cause__, StepFailedError)


class TestRollback:
    def test_failing_rollbacks_hide_nothing_and_stop_nothing(self):
        """All others are still called, the first error is raised, and every failure is told."""
        log = Recorder()
        diary = Diary(RuntimeContext(log))
        first, third = OSError("gone"), KeyError("x")
        cause = ValueError("no")
        _, run = orchestrate(
            Scripted("a", undo=first), Scripted("b"), Scripted("c", undo=third), Scripted("d", cause), context=diary
        )
        with pytest.raises(StepFailedError) as caught:
            run.execute()
        error = caught.value
        assert diary.done[4:] == ["-d", "-c", "-b", "-a"]
        assert error.__cause__ is cause
        assert error.rollback_errors == (third, first)
        for text in (
            "the rollback of step 'c' failed: KeyError: 'x'",
            "the rollback of step 'a' failed: OSError: gone",
        ):
            assert text in "".join(traceback.format_exception(error))
            assert text in diary.errors
            assert text in [payload["message"] for kind, payload in log.events if kind == Kind.ACTION_LOG]

    def test_on_a_stop_they_are_notes_of_it(self):
        """Ctrl-C stays Ctrl-C, and carries what could not be undone."""
        _, run = orchestrate(Scripted("a", undo=OSError("gone")), Scripted("b", KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt) as caught:
            run.execute()
        assert caught.value.__notes__ == ["the rollback of step 'a' failed: OSError: gone"]

    @pytest.mark.parametrize("stop", STOPS, ids=repr)
    def test_a_stop_while_a_failure_is_undone(self, stop):
        """The rest is still undone; then the stop is raised, with the failure as its cause."""
        diary, run = orchestrate(Scripted("a"), Scripted("b", undo=stop), Scripted("c", ValueError("no")))
        with pytest.raises(type(stop)) as caught:
            run.execute()
        assert caught.value is stop
        assert isinstance(caught.value.__cause__, StepFailedError)
        assert diary.done[3:] == ["-c", "-b", "-a"]

    def test_a_second_stop_while_the_first_is_undone(self):
        """The first stays the one that is raised."""
        first, second = ActionCancelled("stop"), KeyboardInterrupt()
        diary, run = orchestrate(Scripted("a"), Scripted("b", first, undo=second))
        with pytest.raises(ActionCancelled) as caught:
            run.execute()
        assert caught.value is first
        assert diary.done[2:] == ["-b", "-a"]

    def test_a_cancelled_action_can_still_report_while_it_undoes(self):
        """Once cancelled every call of the context raises, but not those of a rollback, which arrive."""
        log, cancel = Recorder(), CancelToken()

        class Cancelled(Scripted):
            def execute(self, context):
                cancel.cancel("enough")
                context.set_progress(1, 2)
                raise AssertionError("not reached")

            def rollback(self, context, result):
                context.log("undoing", {"step": context.current_step})
                context.set_metrics({"left": 0})
                context.set_progress(1, 1)
                super().rollback(context, result)

        diary = Diary(RuntimeContext(log, cancel=cancel))
        _, run = orchestrate(Scripted("a"), Cancelled("b"), context=diary)
        with pytest.raises(ActionCancelled, match="enough"):
            run.execute()
        assert diary.done == ["+a", "-b", "-a"]
        assert [kind for kind, _ in log.events] == [Kind.ACTION_LOG, Kind.ACTION_METRICS, Kind.ACTION_PROGRESS]
        assert log.events[0][1]["data"] == {"step": "b"}
        with pytest.raises(ActionCancelled):
            diary.log("afterwards")


PLAYS: dict[str, dict[str, Any]] = {
    "ok": {},
    "skip": {"skip": True},
    "says skipped": {"execute": StepResult(skipped=True)},
    "fails": {"execute": StepResult(success=False, error="no")},
    "raises": {"execute": ValueError("no")},
    "stops": {"execute": KeyboardInterrupt()},
    "cancelled": {"execute": ActionCancelled("no")},
    "bad skip": {"skip": ValueError("no")},
    "stopped in skip": {"skip": KeyboardInterrupt()},
}
GO_ON = {"ok", "skip", "says skipped"}
UNDOES = [None, OSError("gone"), KeyboardInterrupt(), ActionCancelled("no")]


@given(st.lists(st.tuples(st.sampled_from(sorted(PLAYS)), st.sampled_from(UNDOES)), max_size=8))
def test_exactly_what_ran_and_was_not_skipped_is_undone_in_reverse(script):
    """Whatever steps do, and whatever their rollbacks do; every rollback that fails is told once."""
    steps = [Scripted(str(n), undo=undo, **PLAYS[play]) for n, (play, undo) in enumerate(script)]
    end = next((n for n, (play, _) in enumerate(script) if play not in GO_ON), len(script))
    reached = [(str(n), *part) for n, part in enumerate(script[: end + 1])]
    undone = [] if end == len(script) else [(n, undo) for n, play, undo in reached[::-1] if "skip" not in play]
    diary, run = orchestrate(*steps)
    with pytest.raises(BaseException) if end < len(script) else nullcontext():  # noqa: PT011  which is tested above
        run.execute()
    executed = [n for n, play, _ in reached if "skip" not in PLAYS[play]]
    assert diary.done == [f"+{n}" for n in executed] + [f"-{n}" for n, _ in undone]
    assert sum("rollback" in line for line in diary.errors) == sum(undo is not None for _, undo in undone)
    assert diary.current_step is None


def test_weights_are_checked_when_registered():
    """A weight that is no number from 0 up never gets as far as running."""
    for weight in (-1, float("nan"), float("inf"), "much"):
        with pytest.raises(StepError, match="progress_weight of step 'a'"):
            StepRegistry([Scripted("a", weight=weight)])  # type: ignore[arg-type]
