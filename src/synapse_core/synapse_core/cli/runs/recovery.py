"""``synapse runs recover``: the same runs, gone on with here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse_core.cli import codes
from synapse_core.cli.elsewhere import Elsewhere, see_elsewhere
from synapse_core.cli.engines import Engine
from synapse_core.cli.holding import Held
from synapse_core.cli.naming import runs_command, short_ids
from synapse_core.cli.runs.finding import find_run, opened
from synapse_core.cli.seeing import Display, display_of, output_for, see_through, sigterm_as_interrupt
from synapse_core.cli.state import State
from synapse_core.cli.tables import show_json
from synapse_core.cli.telling import complain, say, warn
from synapse_core.errors import SynapseError

if TYPE_CHECKING:
    from synapse_core.session import Session
    from synapse_core.session.again import Unfinished

_HEADS = ("RUN", "NAME", "STATUS", "CAN BE TAKEN UP")


def list_unfinished(state: State, store: str | None, *, as_json: bool) -> int:
    """Print the unfinished runs, and whether each can be taken up; the exit code."""
    from synapse_core.cli.runs.tables import print_table, state_cell

    with opened(state, store) as session:
        found = session.unfinished()
        if as_json:
            show_json({"runs": [_told(run) for run in found]})
        elif found:
            shorts = short_ids(run.run_id for run in found)
            rows = [(shorts[run.run_id], run.name, state_cell(run.status), _ready(run)) for run in found]
            print_table(_HEADS, rows)
            ready = [run for run in found if run.reason is None]
            if ready:
                word = "--all" if len(ready) > 1 else ready[0].run_id
                say(f"`{runs_command('recover', word, store)}` goes on")
            for run in found:
                if run.reason is not None and Engine.of(session, session.progress(run.run_id)).gone:
                    _advise(run.run_id, store)
        else:
            say("no unfinished runs")
    return codes.COMPLETED


def _advise(run_id: str, store: str | None) -> None:
    plan, cancel = runs_command("resume", run_id, store, "--plan"), runs_command("cancel", run_id, store)
    say(f"`{plan}` says what a new run would reuse; `{cancel}` gives it up")


def _told(run: Unfinished) -> dict[str, object]:
    return {
        "id": run.run_id,
        "name": run.name,
        "status": str(run.status),
        "recoverable": run.reason is None,
        "reason": run.reason,
    }


def _ready(run: Unfinished) -> str:
    return "yes" if run.reason is None else f"no: {run.reason}"


def recover(state: State, run: str | None, *, store: str | None, watch: bool | None, as_json: bool, quiet: bool) -> int:
    """Go on with one run, or with all that can be, to their ends; the exit code.

    Raises:
        RunNotFoundError: there is no such run.
        StoreError: the one run has another engine, or what it has completed has changed.
    """
    display = display_of(watch=watch, as_json=as_json, quiet=quiet)
    with sigterm_as_interrupt(), output_for(display), opened(state, store) as session:
        if run is None:
            return _recover_all(session, display, store)
        run_id = find_run(session, run, store)
        if session.progress(run_id).status.is_terminal():
            raise SynapseError(
                f"run {run_id} has ended", hint=f"`{runs_command('resume', run_id, store)}` makes a new run of it"
            )
        elsewhere = _elsewhere(session, run_id, store)
        if elsewhere is None:
            with Held() as held:
                session.recover(run_id, display=display)
                return see_through(session, run_id, display, store=store, held=held)
        return see_elsewhere(state, elsewhere, lambda host, again: host.recover(again), display, run_id=run_id)


def _elsewhere(session: Session, run_id: str, store: str | None) -> Elsewhere | None:
    """Who hosts such a run; None where it is run here."""
    options = session.call(session.store.record(run_id)).options
    offer = session.pm.executor(options.get("executor") or "local")
    return Elsewhere(offer, options.get("options") or {}, store) if offer.runs == "pipeline" else None


def _recover_all(session: Session, display: Display, store: str | None) -> int:
    """Start all that can be started, then see them through, one after the other."""
    found = session.unfinished()
    for run in found:
        if run.reason is not None:
            warn(f"run {run.run_id} ({run.name}) is not taken up: {run.reason}")
    started = [run for run in found if run.reason is None and _started(session, run, display)]
    if not started:
        say("no unfinished runs" if not found else "none of the unfinished runs can be taken up")
    ended = [see_through(session, run.run_id, display, store=store) for run in started]
    return max(ended, default=codes.COMPLETED)


def _started(session: Session, run: Unfinished, display: Display) -> bool:
    try:
        session.recover(run.run_id, display=display)
    except SynapseError as error:
        complain(f"run {run.run_id} ({run.name}) is not taken up: {error.message}", error.hint)
        return False
    say(f"run {run.run_id} ({run.name}) is taken up")
    return True
