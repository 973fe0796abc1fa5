"""What is reported on one run at once: `Joint`, compared with one state, written by one append and told once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import define, field

from synapse_core.errors import RunNotFoundError, SynapseError
from synapse_core.events import Draft
from synapse_core.models import PipelineProgress
from synapse_store.once import Append
from synapse_store.service.reports import of_report
from synapse_store.service.runs import is_unopposed
from synapse_store.service.states import States, Tracked
from synapse_store.wire.asked import Report

if TYPE_CHECKING:
    from synapse_store.service.groups import Coming


@define(eq=False)
class Joint:
    """Reports on a run, whose turn it has.

    Attributes:
        run: with all of the reports taken in.
        before: the run's state without them.
        asked: the reports.
        drafts: what they say that is news.
        error: why they were not written.
    """

    run: Tracked
    before: PipelineProgress
    asked: list[Coming] = field(factory=list)
    drafts: list[Draft] = field(factory=list)
    error: BaseException | None = None

    def append(self) -> Append:
        """What is to be written."""
        return Append(self.run.record.id, self.drafts)

    def take(self, report: Coming, said: Report) -> bool:
        """Take in a report; False where it has to go the ordinary way."""
        try:
            drafts = of_report(self.run.state(), said)
        except Exception:  # noqa: BLE001  whatever is wrong with it, the ordinary way says so
            return False
        if not is_unopposed(self.run, drafts):
            return False
        if drafts:
            self.run.take(drafts)
            self.drafts += drafts
        self.asked.append(report)
        return True

    async def settle(self, result: int | BaseException) -> None:
        """It was written, up to event ``result``, or was not."""
        if isinstance(result, BaseException):
            self.failed(result)
        elif result != self.run.seq:  # others have written before
            self.run.restore(self.before)
            try:
                await self.run.refresh()
            except SynapseError as error:
                self.error = error

    def failed(self, error: BaseException) -> None:
        """It was not written."""
        if self.error is None:
            self.error = error
            self.run.restore(self.before)

    def leave(self, states: States) -> None:
        """Give the turn to others."""
        self.run.turn.give()
        if isinstance(self.error, RunNotFoundError):
            states.forget(self.run.record.id)


def joined(states: States, reports: Iterable[tuple[Coming, Report]]) -> list[Joint]:
    """The reports by run, in order; those that nothing is known of here are sent the ordinary way."""
    joints: dict[str, Joint | None] = {}
    for report, said in reports:
        run_id = report.head.run_id
        if run_id not in joints:
            joints[run_id] = _begun(states, run_id)
        joint = joints[run_id]
        if joint is None or not joint.take(report, said):
            report.go_on()
    return [joint for joint in joints.values() if joint is not None]


def _begun(states: States, run_id: str) -> Joint | None:
    run = states.known(run_id)
    return Joint(run, run.state()) if run is not None and run.turn.take() else None
