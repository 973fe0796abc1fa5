"""Reports that are written together: `Coming` is one of them, `Group` all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define

from synapse_store.once import Append, ManyStore
from synapse_store.service.heads import Head
from synapse_store.service.joints import Joint, joined
from synapse_store.service.states import States
from synapse_store.wire.asked import Report


@define(eq=False)
class Coming:
    """A report that is to be written.

    Attributes:
        said: what it says.
        since: when it came, on the loop's clock.
        answered: is called once: with the answer as it goes out, or with None where it must go the ordinary way.
        remote: who sent it, as the log tells it.
        open: whether it is still to be answered.
    """

    head: Head
    said: Append | Report
    since: float
    answered: Callable[[bytes | None], object]
    remote: Callable[[], str | None]
    open: bool = True

    def go_on(self) -> None:
        """Have it go the ordinary way."""
        self.open = False
        self.answered(None)


@define(eq=False)
class Group:
    """Reports that are written together.

    Attributes:
        states: the runs that are known.
        batches: those that are batches, and what each adds.
        joints: the others, by run.
        results: of the batches, once they are written.
        error: why nothing was written.
    """

    coming: Sequence[Coming]
    states: States
    batches: Sequence[tuple[Coming, Append]] = ()
    joints: Sequence[Joint] = ()
    results: Sequence[int | BaseException] = ()
    error: Exception | None = None

    async def write(self, store: ManyStore) -> None:
        """Write all of them; what came of it is noted here."""
        try:
            self._compare()
            await self._append(store)
        except Exception as error:  # noqa: BLE001  whatever it is, those who wait are told
            self.error = error
            for joint in self.joints:
                joint.failed(error)
        finally:
            for joint in self.joints:
                joint.leave(self.states)

    def _compare(self) -> None:
        """Compare reports with the states of their runs."""
        self.batches = [(each, each.said) for each in self.coming if isinstance(each.said, Append)]
        reports = [(each, each.said) for each in self.coming if isinstance(each.said, Report)]
        self.joints = joined(self.states, reports)

    async def _append(self, store: ManyStore) -> None:
        told = [joint for joint in self.joints if joint.drafts]
        appends = [*(append for _, append in self.batches), *(joint.append() for joint in told)]
        results = await store.append_many(appends)
        self.results = results[: len(self.batches)]
        for joint, result in zip(told, results[len(self.batches) :], strict=True):
            await joint.settle(result)
