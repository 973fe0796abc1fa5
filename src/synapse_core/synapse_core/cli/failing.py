"""How an error becomes words and an exit code."""

from __future__ import annotations

import re
import sys

import click

from synapse_core.cli import codes
from synapse_core.cli.group import ReaderIsGone
from synapse_core.cli.telling import complain, quote, say
from synapse_core.errors import ExecutionError, StoreError, SynapseError


class Terminated(KeyboardInterrupt):
    """SIGTERM came; what Ctrl-C does, with another exit code."""


def explain(error: BaseException, *, debug: bool = False) -> int:
    """Say what went wrong; the exit code.

    Args:
        error: what came out of a command.
        debug: show the traceback too.
    """
    if isinstance(error, BrokenPipeError | ReaderIsGone):
        return _reader_is_gone()
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else codes.FAILED
    if debug and not isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        _quote_traceback(error)
    return _explained(error)


def _explained(error: BaseException) -> int:
    if isinstance(error, Terminated):
        return codes.TERMINATED
    if isinstance(error, KeyboardInterrupt | click.exceptions.Abort):
        return codes.INTERRUPTED
    if isinstance(error, click.ClickException):
        return _misused(error)
    if isinstance(error, SynapseError):
        return _ours(error)
    complain(f"{type(error).__name__}: {error}", None if isinstance(error, OSError) else _BUG)
    return codes.FAILED


_BUG = "this is a fault of Synapse or of a plugin; --debug shows where it comes from"


def _misused(error: click.ClickException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # which older versions of click have not
        say(error.format_message())
        return codes.USAGE
    ctx = getattr(error, "ctx", None)
    hint = f"see `{ctx.command_path} --help`" if ctx is not None else None
    extra = re.search(r"unexpected extra argument \((\S+=.*)\)", error.format_message())
    complain(error.format_message(), f"params are given by -p: -p {extra[1]}" if extra else hint)
    return codes.USAGE


def _ours(error: SynapseError) -> int:
    complain(error.message, error.hint)
    if isinstance(error, StoreError):
        return codes.STORE
    return codes.FAILED if isinstance(error, ExecutionError) else codes.USAGE


def _quote_traceback(error: BaseException) -> None:
    import traceback

    say("")
    quote("".join(traceback.format_exception(error)))


def _reader_is_gone() -> int:
    """``| head`` has read enough: nothing is wrong."""
    from synapse_core.builtin.console.output import drop_output

    drop_output()
    sys.stderr.flush()
    return codes.COMPLETED
