"""Runs that an executor hosts elsewhere, their engines too: `PipelineHost`, as the commands use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from synapse_core.builtin.console.output import own_output
from synapse_core.cli import codes
from synapse_core.cli.along import Along
from synapse_core.cli.holding import Held
from synapse_core.cli.naming import runs_command
from synapse_core.cli.seeing import Display, see_through
from synapse_core.cli.state import State
from synapse_core.cli.telling import say
from synapse_core.errors import SynapseError
from synapse_core.ids import new_run_id
from synapse_core.protocols import ExecutorOffer, PipelineHost, RunInfo, Sink

if TYPE_CHECKING:
    from synapse_core.session import Session


@frozen
class Elsewhere:
    """A host by its offer, and how it is told to be.

    Attributes:
        offer: of the plugin that brings it.
        options: those that were given for it.
        store: what ``--store`` said.
    """

    offer: ExecutorOffer
    options: Mapping[str, Any] = field(repr=False)
    store: str | None

    @contextmanager
    def open(self) -> Iterator[PipelineHost]:
        """The host, closed in the end.

        Raises:
            SynapseError: it has no choice of a store, and one was named.
        """
        host: PipelineHost = self.offer.factory(**self._told())
        try:
            yield host
        finally:
            host.close()

    def _told(self) -> Mapping[str, Any]:
        if self.store is None:
            return self.options
        if self.offer.store_option is None:
            raise SynapseError(f"executor {self.offer.name!r} keeps its runs where they run", hint="leave --store out")
        return {self.offer.store_option: self.store, **self.options}


Start = Callable[[PipelineHost, str], object]
"""Starts a run on a host, under that id."""


def see_elsewhere(
    state: State,
    place: Elsewhere,
    start: Start,
    display: Display,
    *,
    run_id: str | None = None,
    timeout: float | None = None,
    detach: bool = False,
) -> int:
    """Start a run on a host, and see it through unless it is to be left alone; the exit code."""
    run_id = run_id or new_run_id()  # given here: it can be told whatever comes
    with place.open() as host, Held(_tell_kept) as held:
        store = host.store_url
        with _named(run_id, store):
            start(host, run_id)
            if detach and not held.came:
                print(run_id, file=own_output())
                say(f"it runs by itself: `{runs_command('watch', run_id, store)}` shows it")
                return codes.COMPLETED
            with state.session(store) as session:
                shown = _shown(session, run_id, display)
                return see_through(session, run_id, display, timeout=timeout, store=store, shown=shown, held=held)


@contextmanager
def _named(run_id: str, store: str) -> Iterator[None]:
    """Whoever leaves now, and does not wait until the run can be cancelled, is told how it is done."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"run {run_id} may go on: `{runs_command('cancel', run_id, store)}` ends it")
        raise


def _tell_kept() -> None:
    say("\nthe run is cancelled as soon as it has started; press Ctrl-C again to leave it")


def _shown(session: Session, run_id: str, display: Display) -> Along | None:
    sink = _sink(session, run_id, display)
    return None if sink is None else Along(session, run_id, sink)


def _sink(session: Session, run_id: str, display: Display) -> Sink | None:
    """What shows a run as if it were run here."""
    from synapse_core.builtin.console.sink import ConsoleSink, JsonSink

    if display == "none":
        return None
    if display == "json":
        return JsonSink()
    progress = session.progress(run_id)
    names = tuple(entry.name for entry in progress.progress)
    return ConsoleSink(RunInfo(run_id, progress.name, names, display=display))
