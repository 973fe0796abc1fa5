"""A program: takes up one run. It is started by the service, and told on its standard input what to do.

The first line is a `Setup`, and is answered once all is ready; the second an `Order`, answered by a `Reply`. Then the
run is run to its end. The end of the input means that the service is gone: the run is cancelled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from io import BufferedReader, BufferedWriter

from synapse_core import Session
from synapse_core.cli.seeing import sigterm_as_interrupt
from synapse_core.errors import SynapseError
from synapse_store.runner.fence import Fence
from synapse_store.runner.orders import Reply, order_of, setup_of, to_line
from synapse_store.runner.taking import look, take_up


def main() -> int:
    """Take up one run and see it through; the exit code is 0 whatever becomes of it."""
    orders, replies = _pipes()
    setup = setup_of(orders.readline())
    fence = Fence(setup.folder)
    sys.path.append(str(fence.folder))
    try:
        with (
            sigterm_as_interrupt(),
            Session(store=setup.store, plugins=setup.plugins, block=setup.block) as session,
        ):
            return _serve(session, fence, orders, replies)
    except KeyboardInterrupt:
        return 0


def _pipes() -> tuple[BufferedReader, BufferedWriter]:
    """The two pipes to the service; what actions print goes where the service logs."""
    orders, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return orders, replies


def _serve(session: Session, fence: Fence, orders: BufferedReader, replies: BufferedWriter) -> int:
    os.chdir(fence.folder)  # not before: the store's URL and the plugins' files are as the service was given them
    _say(replies, Reply())
    line = orders.readline()
    if not line:
        return 0
    order = order_of(line)
    reply = (look if order.do == "look" else take_up)(session, fence, order)
    _say(replies, reply)
    if reply.run is not None:
        threading.Thread(target=_end_with, args=(orders,), name="synapse-service", daemon=True).start()
        _see_through(session, reply.run)
    return 0


def _say(replies: BufferedWriter, reply: Reply) -> None:
    with contextlib.suppress(BrokenPipeError):
        replies.write(to_line(reply))
        replies.flush()


def _end_with(orders: BufferedReader) -> None:
    """End this process when the service has closed its side, or is no more."""
    orders.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _see_through(session: Session, run_id: str) -> None:
    """Wait for the run's end. What it failed with is in the store."""
    try:
        with contextlib.suppress(SynapseError):
            session.wait(run_id)
    except KeyboardInterrupt:
        with contextlib.suppress(SynapseError):
            session.cancel(run_id, reason="the service was stopped")
        raise


if __name__ == "__main__":
    sys.exit(main())
