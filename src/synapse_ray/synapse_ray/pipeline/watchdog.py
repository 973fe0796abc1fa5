"""A process beside the engine's that ends it when it freezes, so that Ray starts it anew.

Ray notices an actor that has died, and not one that does not move (``SIGSTOP``, a debugger). The other process needs
nothing but the standard library, and goes when the engine does.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading

_LOOKS = 8
"""In how many pieces the patience is waited out: a machine that sleeps, both processes with it, costs one of them."""


class Watchdog:
    """Ends this process when it has not moved for ``seconds``.

    Args:
        seconds: the patience.
    """

    def __init__(self, seconds: float) -> None:
        command = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(seconds)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, args=(seconds / _LOOKS,), name="watchdog", daemon=True)
        self._thread.start()

    def _beat(self, pause: float) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            while not self._over.wait(pause):
                os.write(pipe.fileno(), b".")
        except OSError:  # it was ended by somebody: there is none now
            return

    def close(self) -> None:
        """Be watched no more."""
        self._over.set()
        self._thread.join()
        self._process.communicate()


def watch(pid: int, seconds: float, pipe: int = 0) -> None:
    """End the process ``pid`` when nothing has come by the pipe for ``seconds``; return when the pipe ends."""
    missed = 0
    while missed < _LOOKS:
        if not select.select([pipe], [], [], seconds / _LOOKS)[0]:
            missed += 1
        elif os.read(pipe, 4096):
            missed = 0
        else:
            return
    os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    watch(int(sys.argv[1]), float(sys.argv[2]))
