"""Seeing a run through that this process runs: until it has ended, is interrupted, or takes too long."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal

from synapse_core.builtin.console.output import kept_apart, own_output
from synapse_core.cli import codes
from synapse_core.cli.failing import Terminated
from synapse_core.cli.holding import Held
from synapse_core.cli.naming import runs_command
from synapse_core.cli.telling import complain, quote, say
from synapse_core.errors import ExecutionError, RunCancelledError, SynapseError
from synapse_core.models import PipelineProgress, RunStatus

if TYPE_CHECKING:
    from synapse_core.session import Session

Display = Literal["none", "plain", "live", "json"]


def display_of(*, watch: bool | None, as_json: bool, quiet: bool) -> Display:
    """What the options say of how a run is shown."""
    return "json" if as_json else "none" if quiet else "plain" if watch is False else "live"


def output_for(display: Display) -> AbstractContextManager[None]:
    """Standard output for JSON alone where a program reads it: what is printed meanwhile is not for that program."""
    return kept_apart() if display in {"json", "none"} else contextlib.nullcontext()


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does, so that nothing of a run is left running."""

    def end(_number: int, _frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def see_through(
    session: Session,
    run_id: str,
    display: Display,
    *,
    timeout: float | None = None,
    store: str | None = None,
    shown: AbstractContextManager[Any] | None = None,
    held: Held | None = None,
) -> int:
    """Wait until the run has ended and print its result; the exit code.

    Args:
        session: which runs it.
        run_id: the run.
        display: how it is shown meanwhile.
        timeout: cancel it after so many seconds.
        store: the URL that was given for the store, for what is to be typed next.
        shown: what shows it, where the session itself does not: it has shown all when the result is printed.
        held: what kept a Ctrl-C that came while the run was started: it cancels the run.
    """
    with shown or contextlib.nullcontext():
        end = _end_of(session, run_id, timeout, held or Held())
    if isinstance(end, int | ExecutionError):
        if isinstance(end, ExecutionError):
            tell_failure(end)
        _tell_next(session, run_id, store)
        return end if isinstance(end, int) else codes.FAILED
    tell_result(end.result, display)
    return codes.COMPLETED


def _end_of(
    session: Session, run_id: str, timeout: float | None, held: Held
) -> PipelineProgress | ExecutionError | int:
    """How the run has ended: its state, its failure, or the exit code where it was interrupted."""
    try:
        held.release()
        return _wait(session, run_id, timeout)
    except KeyboardInterrupt as interrupt:
        return _cancel(session, run_id, codes.TERMINATED if isinstance(interrupt, Terminated) else codes.INTERRUPTED)
    except ExecutionError as error:
        return error


def _wait(session: Session, run_id: str, timeout: float | None) -> PipelineProgress:
    try:
        return session.wait(run_id, timeout)
    except ExecutionError:
        if session.progress(run_id).status.is_terminal():
            raise
    session.cancel(run_id, reason=f"it took longer than {timeout:g} s")
    return session.wait(run_id)


def _cancel(session: Session, run_id: str, code: int) -> int:
    """Cancel the run, wait until nothing of it is left, and say so; a second Ctrl-C ends its actions at once."""
    try:
        say("\ncancelling; press Ctrl-C again to end the actions at once")
        _end(session, run_id, force=False)
    except KeyboardInterrupt:
        say("\nending the actions")
        _end(session, run_id, force=True)
    status = session.progress(run_id).status
    say(f"run {run_id} {'was cancelled' if status is RunStatus.CANCELLED else f'has {status} before that'}")
    return code


def _end(session: Session, run_id: str, *, force: bool) -> None:
    session.cancel(run_id, reason="interrupted", force=force)
    with contextlib.suppress(SynapseError):
        session.wait(run_id)


# -- after the run --------------------------------------------------------------------------------------------

_LONGEST_RESULT = 60


def tell_result(result: Any, display: Display) -> None:
    """Print the result as JSON: all of it where nothing else is shown, else the first lines of a long one."""
    import json

    if display == "json" or (result is None and display != "none"):
        return
    lines = _legible(json.dumps(result, indent=2, ensure_ascii=False)).split("\n")
    if display != "none" and len(lines) > _LONGEST_RESULT:
        more = len(lines) - _LONGEST_RESULT
        lines = [*lines[:_LONGEST_RESULT], f"... {more} more lines; --quiet prints the whole result"]
    print("\n".join(lines), file=own_output(), flush=True)


def _legible(text: str) -> str:
    """JSON with its letters as they are, but for those that standard output lacks, or that would drive a terminal."""
    utf8 = (own_output().encoding or "").lower().startswith("utf")
    if text.isascii() or (utf8 and text.replace("\n", "").isprintable()):
        return text
    return "".join(
        char if char == "\n" or (char.isprintable() and (utf8 or char.isascii())) else _escaped(char) for char in text
    )


def _escaped(char: str) -> str:
    import json

    return json.dumps(char)[1:-1]


def tell_failure(error: ExecutionError) -> None:
    """What went wrong, with the traceback of the action's own exception."""
    complain(error.message, error.hint)
    if error.traceback and not isinstance(error, RunCancelledError):
        quote(error.traceback)


def _tell_next(session: Session, run_id: str, store: str | None) -> None:
    """How to go on with a run that is kept and has not completed."""
    if not session.durable or session.progress(run_id).status is RunStatus.COMPLETED:
        return
    if session.call(session.store.checkpoints(run_id)):
        say(f"`{runs_command('resume', run_id, store)}` goes on from what was completed")
    else:
        say(f"`{runs_command('resume', run_id, store, '--missing-ok')}` runs it again")
