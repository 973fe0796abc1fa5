"""`Runner`: the service's side of the processes that take up runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import define

from synapse_core.errors import SynapseError
from synapse_store.runner.orders import Order, Reply, Setup, reply_of, to_line

_log = logging.getLogger("synapse.service")

_START = 60.0
_ANSWER = 120.0
_MOST = 16
_TRIES = 3
_PAUSE = 1.0
_LINE = 16 * 1024 * 1024


class RunnerAway(SynapseError):  # noqa: N818  as `ServiceUnavailable`: it may be back soon
    """The runner does not answer, or has too much to do; it may at another time."""


@define(eq=False)
class _Child:
    """A process that waits for an order, or carries one out."""

    process: asyncio.subprocess.Process

    @property
    def lives(self) -> bool:
        return self.process.returncode is None

    async def ask(self, line: bytes, seconds: float) -> Reply:
        """What it answers.

        Raises:
            RunnerAway: it died, or takes too long.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(line)
            await self.process.stdin.drain()
            answer = await asyncio.wait_for(self.process.stdout.readline(), seconds)
        except (TimeoutError, ConnectionError):
            answer = b""
        if not answer:
            raise RunnerAway("the runner does not answer", hint="the service's log says more")
        return reply_of(answer)

    def tell_to_end(self) -> None:
        """Have it cancel what it runs, and end."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    async def force(self) -> None:
        """End it and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()


class Runner:
    """Takes up runs, each in a process of its own, which imports the code as it is then; one waits for the next order.

    A process that dies while its run goes on is followed by another one that goes on with it.

    Args:
        folder: with the pipelines' code: nothing else is imported that a run names.
        store: the URL of the store, as the processes reach it.
        plugins: further plugins, by module name or file.
        block: names of plugins that are not to be loaded.

    Raises:
        SynapseError: there is no such folder.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        store: str,
        plugins: Iterable[str] = (),
        block: Iterable[str] = (),
    ) -> None:
        self.folder = Path(folder).resolve()
        if not self.folder.is_dir():
            raise SynapseError(f"there is no folder {folder}", hint="name the one with the pipelines' code")
        self._setup = Setup(str(self.folder), store, tuple(plugins), tuple(block))
        self._spare: asyncio.Task[_Child] | None = None
        self._children: set[_Child] = set()
        self._watching: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        self._stopping = False

    def start(self) -> None:
        """Have a process ready."""
        if not self._stopping:
            self._spare = asyncio.ensure_future(self._hire())
            self._spare.add_done_callback(_tell)

    async def ask(self, order: Order, tries: int = _TRIES) -> Reply:
        """Have a run taken up: its id, or why it is not.

        Args:
            order: which, and how.
            tries: how often another process goes on with the run, if one dies.

        Raises:
            RunnerAway: there is nobody to do it now.
        """
        child = await self._take()
        try:
            reply = await child.ask(to_line(order), _ANSWER)
        except BaseException:
            await self._let_go(child)
            raise
        task = asyncio.ensure_future(self._see_through(child, reply.run, tries))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)
        return reply

    async def stop(self, grace: float = 2.5) -> None:
        """Have all processes cancel what they run; what still lives after ``grace`` seconds is killed."""
        self._stopping = True
        for task in (self._spare, *self._watching):
            if task is not None:
                task.cancel()
        children = [*self._children]
        for child in children:
            child.tell_to_end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await asyncio.gather(*(child.process.wait() for child in children))
        await asyncio.gather(*(self._let_go(child) for child in children))

    # -- the processes ----------------------------------------------------------------------------------------

    async def _take(self) -> _Child:
        """The process that waits, and have another one ready."""
        async with self._lock:
            if self._stopping or len(self._children) > _MOST:
                raise RunnerAway(f"the runner has {_MOST} runs to run" if not self._stopping else "it is shutting down")
            child = await self._ready()
            self.start()
            return child

    async def _ready(self) -> _Child:
        for spare in (self._spare, None):
            with contextlib.suppress(RunnerAway):
                child = await (asyncio.shield(spare) if spare is not None else self._hire())
                if child.lives:
                    return child
                self._children.discard(child)
        raise RunnerAway("the runner cannot be started", hint="the service's log says why")

    async def _hire(self) -> _Child:
        """A new process that is ready."""
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
            env={name: value for name, value in os.environ.items() if name != "SYNAPSE_TOKEN"},
            start_new_session=True,
        )
        child = _Child(process)
        self._children.add(child)
        try:
            await child.ask(to_line(self._setup), _START)
        except BaseException:
            await self._let_go(child)
            raise
        return child

    async def _let_go(self, child: _Child) -> None:
        await child.force()
        self._children.discard(child)

    async def _see_through(self, child: _Child, run_id: str | None, tries: int) -> None:
        """Wait until the process has ended; where it died, have another one go on with its run."""
        code = await child.process.wait()
        self._children.discard(child)
        if code == 0 or run_id is None or self._stopping:
            return
        await child.force()  # what it has started may still be there
        _log.warning("the runner of run %s died (%s)", run_id, code)
        if tries:
            await asyncio.sleep(_PAUSE)
            with contextlib.suppress(RunnerAway):
                reply = await self.ask(Order("recover", run_id), tries - 1)
                if reply.run is None:
                    _log.warning("run %s is not taken up again: %s", run_id, reply.detail)


_COMMAND: Sequence[str] = (sys.executable, "-P", "-m", "synapse_store.runner")


def _tell(task: asyncio.Task[_Child]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.warning("the runner cannot be started: %s", task.exception())
