"""Starting the child of an attempt, and telling it what to do: `launch` and `Orders`."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from queue import SimpleQueue
from typing import Any

from synapse_core.builtin.process import frames
from synapse_core.builtin.process.tree import marked
from synapse_core.protocols import Call
from synapse_core.worker.crossing import call_data

_BOOT = """\
import json, sys
sys.path[:] = json.loads(sys.argv.pop(1))
from synapse_core.builtin.process.child import main
main(*sys.argv[1:])
"""
"""What the child begins with. Its modules are found where this process finds its own, and nowhere else: with ``-m``
a file in the working directory would go before the module of the library that it is named as."""


class Orders:
    """What a child is told, over a pipe; never waits, as a child may be slow to read, or never do so.

    Args:
        fd: the pipe's end; it is closed when all is written, or the child is gone.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._waiting: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._write, name="synapse-orders", daemon=True).start()

    def send(self, value: Any) -> None:
        """Tell the child something: JSON data."""
        self._waiting.put(value)

    def close(self) -> None:
        """There is no more to say; a child that still listens ends itself."""
        self._waiting.put(None)

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            while (value := self._waiting.get()) is not None:
                frames.write(self._fd, value)
        os.close(self._fd)


def launch(call: Call, marker: str) -> tuple[subprocess.Popen[bytes], Orders, int]:
    """Start a child for the call, and tell it the call: the process, its orders, and the pipe it reports over.

    Raises:
        DiscoveryError: no other process can find the action.
        OSError: there can be no further process.
    """
    told = call_data(call)
    order_in, order_out = os.pipe()
    report_in, report_out = os.pipe()
    try:
        process = _start(order_in, report_out, marker)
    except BaseException:
        os.close(order_out)
        os.close(report_in)
        raise
    finally:
        os.close(order_in)
        os.close(report_out)
    orders = Orders(order_out)
    orders.send(told)
    return process, orders, report_in


def _start(orders: int, reports: int, marker: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(orders), str(reports), marker],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(orders, reports),
        env=marked(marker),
        start_new_session=True,
    )
