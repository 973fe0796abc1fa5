"""The contract of sinks: `SinkContract`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from copy import deepcopy

from synapse_core.events import Draft, Event, Kind, stamp
from synapse_core.protocols import RunInfo, Sink
from synapse_core.testing.store.samples import AWKWARD, created, draft, log, new_run, story

RUN = RunInfo("run-1", "demo", ("load", "train"), {"seed": 7})


class SinkContract:
    """Every rule of `synapse_core.protocols.Sink`, as tests; subclass it under a name that pytest collects.

    ::

        class TestMySink(SinkContract):
            def make_sink(self, run):
                return MySink(run.run_id)
    """

    def make_sink(self, run: RunInfo) -> Sink:
        """A sink for that run."""
        raise NotImplementedError(f"{type(self).__name__} has no make_sink()")

    def test_it_is_a_sink(self) -> None:
        """It can be written to and closed."""
        sink = self.make_sink(RUN)
        assert isinstance(sink, Sink), f"{type(sink).__name__} has no write(events) or no close()"
        sink.close()

    def test_a_run_can_be_told_one_by_one(self) -> None:
        """Each event by itself, as they come in a slow run."""
        self._tell([[event] for event in _events(story())])

    def test_a_run_can_be_told_at_once(self) -> None:
        """All events of a run in one batch, as they come in a quick one."""
        self._tell([_events(story())])

    def test_a_run_that_fails_or_is_cancelled_can_be_told(self) -> None:
        """With actions that failed, were skipped, or had only begun."""
        failure = {"type": "ValueError", "message": "größe", "traceback": "Traceback …"}
        failed = draft(Kind.ACTION_FAILED, "train", 4, 1, error="ValueError: größe", failure=failure)
        begun = [draft(Kind.RUN_STARTED), draft(Kind.ACTION_STARTED, "train", 1, 1), log(2), log(3)]
        self._tell([_events([*begun, failed, draft(Kind.RUN_FAILED, error="train failed", errors=["train failed"])])])
        skipped = draft(Kind.ACTION_SKIPPED, "load", reason="cancelled")
        asked = draft(Kind.RUN_CANCEL_REQUESTED, reason="enough")
        self._tell([_events([*begun, asked, skipped, draft(Kind.RUN_CANCELLED, error="enough")])])
        self._tell([_events(begun)])

    def test_instances_can_be_told(self) -> None:
        """Of an action that runs over the items of a list."""
        begun = draft(Kind.ACTION_STARTED, "train", 1, 1, instances=200)
        instances = [draft(kind, f"train[{n}]", n, 1) for n in range(200) for kind in _LIFE]
        self._tell([_events([begun, *instances, draft(Kind.RUN_COMPLETED)])])

    def test_awkward_payloads_can_be_told(self) -> None:
        """Unicode, control characters, huge texts, nothing at all, and kinds of a later version."""
        kinds = [Kind.ACTION_LOG, Kind.ACTION_MESSAGE, Kind.ACTION_METRICS, "action.of_a_later_version"]
        drafts = [draft(kind, "größe → [0]")._replace(payload=payload) for kind in kinds for payload in AWKWARD]
        self._tell([_events(drafts)])

    def test_nothing_can_be_told(self) -> None:
        """No events are no harm."""
        self._tell([[], _events([]), []])
        self._tell([])

    def test_a_flood_can_be_told(self) -> None:
        """A batch of thousands."""
        self._tell([_events([log(number) for number in range(10_000)])])

    def test_it_is_told_on_a_thread_of_its_own(self) -> None:
        """It is made in one thread and told in another."""
        sink = self.make_sink(RUN)
        errors: list[BaseException] = []

        def tell() -> None:
            try:
                sink.write(_events(story()))
                sink.close()
            except BaseException as error:  # noqa: BLE001  shown by the test's own thread
                errors.append(error)

        thread = threading.Thread(target=tell)
        thread.start()
        thread.join()
        assert not errors, f"{type(errors[0]).__name__}: {errors[0]}"

    def _tell(self, batches: Sequence[Sequence[Event]]) -> None:
        """Tell a new sink all that; the events are others' too, so it must change nothing in them."""
        before = deepcopy(batches)
        sink = self.make_sink(RUN)
        for batch in batches:
            sink.write(batch)
        sink.close()
        assert batches == before, "the sink changed what it was told"


_LIFE = (Kind.ACTION_STARTED, Kind.ACTION_PROGRESS, Kind.ACTION_COMPLETED)


def _events(drafts: Sequence[Draft]) -> list[Event]:
    return stamp("run-1", 0, [created(new_run(run_id="run-1")), *drafts])
