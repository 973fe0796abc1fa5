"""Standard output: kept apart for programs that read it, and dropped when its reader has gone away."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

_kept: list[TextIO] = []


def own_output() -> TextIO:
    """Where Synapse itself writes to: standard output, also while `kept_apart` sends there what others print."""
    return _kept[-1] if _kept else sys.stdout


@contextlib.contextmanager
def kept_apart() -> Iterator[None]:
    """Send what actions, and the programs that they start, print to standard error; `own_output` stays as it is.

    So that ``--json`` and ``--quiet`` give JSON and nothing else, whatever a module prints when it is imported.
    """
    sys.stdout.flush()
    with _copied(sys.stdout) as kept, contextlib.redirect_stdout(sys.stderr):
        _kept.append(kept)
        try:
            yield
        finally:
            _kept.pop()


@contextlib.contextmanager
def _copied(stream: TextIO) -> Iterator[TextIO]:
    """The stream on a descriptor of its own, while its old one is that of standard error."""
    try:
        old, error = stream.fileno(), sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # somebody's own object: then nothing but Python writes to it
        yield stream
        return
    new = os.dup(old)
    with os.fdopen(new, "w", encoding=stream.encoding, errors=stream.errors) as copy:
        os.dup2(error, old)
        try:
            yield copy
        finally:
            with contextlib.suppress(BrokenPipeError):
                copy.flush()
            os.dup2(new, old)


def drop_output() -> None:
    """Let what is still written to standard output go nowhere, and the interpreter's last flush succeed."""
    try:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, own_output().fileno())
        os.close(devnull)
    except (OSError, ValueError, AttributeError):  # standard output is closed, no file, or absent
        return
