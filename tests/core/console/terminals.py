"""Programs on a real pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_PIECES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|[\r\n]|[^\x1b\r\n]+")

# Makes the terminal that the program finds as its input its own, so that Ctrl-C reaches it.
_ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A program that has a terminal of its own; ``output`` is all that it has written so far."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        columns: int = 100,
        lines: int = 30,
        pass_fds: tuple[int, ...] = (),
        cwd: Path | None = None,
    ) -> None:
        self._leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        settings = termios.tcgetattr(follower)
        settings[3] &= ~termios.ECHO  # what is typed here is no part of what the program shows
        termios.tcsetattr(follower, termios.TCSANOW, settings)
        plain = {name: value for name, value in os.environ.items() if name not in {"CI", "NO_COLOR", "COLUMNS"}}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *command],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**plain, "TERM": "xterm-256color", **(env or {})},
            start_new_session=True,
            pass_fds=pass_fds,
            cwd=cwd,
        )
        os.close(follower)
        self.output = ""

    def read_until(self, text: str, seconds: float = 60) -> str:
        """Wait for ``text``; all output up to now."""
        end = time.monotonic() + seconds
        while text not in self.output:
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"{text!r} did not come; the terminal shows:\n{self.output}")
        return self.output

    def wait(self, seconds: float = 60) -> int:
        """Read to the end; the exit code."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            pass
        return self.process.wait(max(end - time.monotonic(), 1))

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._leader, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C: SIGINT to the terminal's foreground processes."""
        self.type("\x03")

    def hang_up(self) -> None:
        """Take the terminal away."""
        with contextlib.suppress(OSError):
            os.close(self._leader)

    def close(self) -> None:
        """Take the terminal away and end what still runs on it."""
        self.hang_up()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def screen(self) -> list[str]:
        """The lines that are to be read in the end, those that have scrolled away too."""
        lines, row, column = [""], 0, 0
        for piece in _PIECES.findall(self.output):
            if piece == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif piece == "\r":
                column = 0
            elif piece == "\x1b[1A":
                row = max(row - 1, 0)
            elif piece == "\x1b[2K":
                lines[row] = ""
            elif not piece.startswith("\x1b"):
                lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + len(piece) :]
                column += len(piece)
        return [line.rstrip() for line in lines]

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._leader], [], [], max(seconds, 0))
        if not ready:
            return False
        try:
            data = os.read(self._leader, 65_536)
        except OSError:  # EIO: the last one has closed it
            return False
        self.output += data.decode("utf-8", "replace")
        return bool(data)
