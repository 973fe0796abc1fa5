"""Daemon threads that run jobs: a pool that a hung job never keeps from exiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

Job = Callable[[], None]

_PATIENCE = 30.0
"""Seconds that a thread waits for another job: whoever drops an executor without closing it leaves none behind."""


class DaemonThreads:
    """Threads that are made when needed and kept for the next job.

    Unlike `concurrent.futures`, nothing here waits for a thread at exit: an action that hangs is left behind.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Have ``job`` run; it must not raise."""
        with self._lock:
            self._idle -= 1
            if self._idle < 0:
                self._idle += 1
                self._threads += 1
                threading.Thread(
                    target=self._work, args=(job,), name=f"{self._name}-{self._threads}", daemon=True
                ).start()
                return
        self._jobs.put(job)

    def _work(self, job: Job | None) -> None:
        while job is not None:
            job()
            del job
            with self._lock:
                if self._closed:
                    return
                self._idle += 1
            job = self._next()

    def _next(self) -> Job | None:
        """The next job; None where there is none for long, or no more."""
        while True:
            try:
                return self._jobs.get(timeout=_PATIENCE)
            except Empty:
                with self._lock:
                    if self._idle:  # no job is on its way to all that wait
                        self._idle -= 1
                        return None

    def close(self) -> None:
        """Let the idle threads end; one that still works ends after its job."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._jobs.put(None)
