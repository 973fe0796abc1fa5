"""Rules of outcomes: what an action is given, and what becomes of what it returns or raises."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from attrs import evolve

from synapse_core.protocols import Call, Executor, Outcome
from synapse_core.testing import actions
from synapse_core.testing.executor.rules import Rules, call_of, expect, finished


class OutcomeRules(Rules):
    """What an executor makes of an action's end."""

    def test_a_result_comes_back(self) -> None:
        """As JSON data, and as what it adds to the params of later actions."""

        async def body(executor: Executor, _folder: Path) -> None:
            outcome = (await finished(executor, call_of(actions.Add, {"a": 2}))).outcome
            expect(outcome, "completed")
            assert (outcome.result, outcome.merges) == ({"total": 3.0}, {"total": 3.0})
            assert outcome.value in (None, actions.Sum(3.0))

        self.run(body)

    def test_a_result_that_is_no_mapping_adds_nothing(self) -> None:
        """It is kept as the result alone."""

        async def body(executor: Executor, _folder: Path) -> None:
            for given in (None, "text", [7, {"a": None}, True, 0.5]):
                outcome = (await finished(executor, call_of(actions.value, {"value": given}))).outcome
                assert (outcome.status, outcome.result, outcome.merges) == ("completed", given, None)

        self.run(body)

    def test_params_are_structured(self) -> None:
        """A function with untyped params gets them as they are, whatever the text in them."""

        async def body(executor: Executor, _folder: Path) -> None:
            params = {"text": "größer → 🦆\u2028\x00", "n": 2**70, "deep": [{"a": [None, True, 0.1]}], "": ""}
            assert (await finished(executor, call_of(actions.echo, params))).outcome.result == params

        self.run(body)

    def test_wrong_params_are_invalid(self) -> None:
        """Every wrong field is named at once, and the action is not begun."""

        async def body(executor: Executor, _folder: Path) -> None:
            wrong = call_of(actions.Add, {"a": "two", "b": []}, extra="forbid")
            expect((await finished(executor, wrong)).outcome, "invalid", "ValidationError", "a:", "b:", "'add'")
            unknown = call_of(actions.Add, {"a": 1, "bb": 2}, extra="forbid")
            expect((await finished(executor, unknown)).outcome, "invalid", "bb")
            accumulated = call_of(actions.Add, {"a": 1, "bb": 2}, extra="ignore")
            expect((await finished(executor, accumulated)).outcome, "completed")

        self.run(body)

    def test_the_context_says_who_and_where(self) -> None:
        """Run, action, attempt, job, environment, and a folder that only this user can enter."""

        async def body(executor: Executor, folder: Path) -> None:
            work_dir = folder / "run-1" / "actions" / "renamed"
            given: dict[str, Any] = {"attempt": 3, "job_id": "j-7", "work_dir": str(work_dir)}
            call = call_of(actions.describe, action="renamed", env={"SAMPLE": "größe"}, **given)
            result = (await finished(executor, call)).outcome.result
            assert {key: result[key] for key in given} == given
            assert result["sample"] == "größe"
            assert (result["run_id"], result["action"]) == ("run-1", "renamed")
            assert [path.stat().st_mode & 0o777 for path in (work_dir, work_dir.parent, folder / "run-1")] == [
                0o700
            ] * 3

        self.run(body)

    def test_a_folder_is_made_only_when_it_is_asked_for(self) -> None:
        """An action that writes nothing leaves nothing."""

        async def body(executor: Executor, folder: Path) -> None:
            await finished(executor, call_of(actions.echo, work_dir=str(folder / "run" / "actions" / "echo")))
            assert not any(folder.iterdir())  # noqa: ASYNC240  a small local folder

        self.run(body)

    def test_a_failure_tells_type_message_and_traceback(self) -> None:
        """With the line of the action that raised."""

        async def body(executor: Executor, _folder: Path) -> None:
            outcome = (await finished(executor, call_of(actions.fail, {"message": "größe → nein"}))).outcome
            expect(outcome, "failed", "ValueError: größe → nein")
            assert outcome.failure is not None
            assert "raise ValueError(params.message)" in outcome.failure.traceback
            assert "failing.py" in outcome.failure.traceback

        self.run(body)

    def test_any_exception_is_told(self) -> None:
        """One that cannot be pickled, one that cannot say what it is, Ctrl-C raised in the action."""

        async def body(executor: Executor, _folder: Path) -> None:
            outcome = (await finished(executor, call_of(actions.raise_unpicklable))).outcome
            expect(outcome, "failed", "UnpicklableError", "code 7: no pickle")
            expect(
                (await finished(executor, call_of(actions.raise_mute))).outcome, "failed", "MuteError", "cannot be had"
            )
            expect((await finished(executor, call_of(actions.interrupt))).outcome, "failed", "KeyboardInterrupt")

        self.run(body)

    def test_an_action_that_exits_fails_alone(self) -> None:
        """As a script would, with a message that says so; the executor goes on."""

        async def body(executor: Executor, _folder: Path) -> None:
            outcome = (await finished(executor, call_of(actions.soft_exit, {"code": 4}))).outcome
            expect(outcome, "failed", "SystemExit", "ended its process", "4")
            expect((await finished(executor, call_of(actions.echo))).outcome, "completed")

        self.run(body)

    def test_what_cannot_be_kept_is_invalid(self) -> None:
        """The place and the type are named, and what to do instead."""

        async def body(executor: Executor, _folder: Path) -> None:
            outcome = (await finished(executor, call_of(actions.unserialisable))).outcome
            expect(outcome, "invalid", "UnserializableError", "model.lock", "lock", "artifact")

        self.run(body)

    def test_a_result_that_misfits_its_model_is_told(self) -> None:
        """In the log, with all that is wrong; or as an error where the call is strict."""

        async def body(executor: Executor, _folder: Path) -> None:
            lenient = await finished(executor, call_of(actions.misfit))
            expect(lenient.outcome, "completed")
            assert any("Sum" in message and "total" in message for message in lenient.messages("action.log"))
            strict = await finished(executor, call_of(actions.misfit, strict=True))
            expect(strict.outcome, "invalid", "Sum", "total")

        self.run(body)

    def test_a_large_result_comes_back(self) -> None:
        """Five million characters."""

        async def body(executor: Executor, _folder: Path) -> None:
            outcome = (await finished(executor, call_of(actions.big, {"size": 5_000_000}))).outcome
            expect(outcome, "completed")
            assert len(outcome.result["blob"]) == 5_000_000

        self.run(body)

    def test_large_params_arrive(self) -> None:
        """Five million characters, as well."""

        async def body(executor: Executor, _folder: Path) -> None:
            blob = "ä" * 2_500_000
            assert (await finished(executor, call_of(actions.echo, {"blob": blob}))).outcome.result == {"blob": blob}

        self.run(body)

    def test_an_action_that_is_not_there_is_invalid(self) -> None:
        """What could not be imported is named."""

        async def body(executor: Executor, _folder: Path) -> None:
            gone = evolve(call_of(actions.echo), entrypoint="synapse_core.testing.actions:ecko", spec=None)
            expect((await finished(executor, gone)).outcome, "invalid", "DiscoveryError", "ecko", "echo")

        self.run(body)

    def test_an_async_action_is_awaited(self) -> None:
        """Its result is that of its coroutine."""

        async def body(executor: Executor, _folder: Path) -> None:
            done = await finished(executor, call_of(actions.async_echo, {"a": 1}))
            expect(done.outcome, "completed")
            assert done.outcome.result == {"a": 1}
            assert len(done.of("action.progress")) == 1

        self.run(body)

    def test_many_run_at_once(self) -> None:
        """More than there are cores or workers, each with an outcome of its own."""

        async def body(executor: Executor, _folder: Path) -> None:
            calls = [call_of(actions.echo, {"n": number}) for number in range(8)]
            done = await asyncio.gather(*(finished(executor, call) for call in calls))
            assert [each.outcome.result for each in done] == [{"n": number} for number in range(8)]

        self.run(body)

    def test_capacity_is_told(self) -> None:
        """How many at once, and how many cores there are, above zero."""

        async def body(executor: Executor, _folder: Path) -> None:
            assert executor.capacity.get("workers", 1) >= 1
            assert all(amount >= 0 for amount in executor.capacity.values())

        self.run(body)

    def test_a_worker_may_go_on(self) -> None:
        """An executor that asks ``then`` runs the call that it gives, and the outcome is the last one's."""

        async def body(executor: Executor, _folder: Path) -> None:
            asked: list[Outcome] = []

            def then(outcome: Outcome) -> Call | None:
                asked.append(outcome)
                return call_of(actions.echo, {"n": len(asked)}) if len(asked) < 3 else None

            attempt = executor.start(call_of(actions.echo, {"n": 0}), lambda: None, then)
            outcome = await attempt.outcome()
            expect(outcome, "completed")
            assert outcome.result == {"n": max(len(asked) - 1, 0)}

        self.run(body)
