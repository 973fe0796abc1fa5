"""``synapse serve`` as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import Any

from synapse_core.testing import wait_until
from synapse_store import PipelineServiceClient
from tests.ports import free_port

COMMAND = [sys.executable, "-m", "synapse_core.cli", "serve"]


class Command:
    """``synapse serve`` of one file on one port."""

    def __init__(self, folder, *options, **env):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.store = f"sqlite:///{folder}/runs.db"
        self.log = folder / "service.log"
        self.options = options
        self.env = {**os.environ, **env}
        self.process: Any = None

    def start(self):
        args = [*COMMAND, "--port", str(self.port), "--store", self.store, *self.options]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(args, stdout=log, stderr=log, env=self.env)
        with PipelineServiceClient(self.url) as client:
            wait_until(lambda: client.health_check() or self.process.poll() is not None, "the service")
        assert self.process.poll() is None, self.log.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait(60)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def command(folder, *options, **env):
    """A service that runs; it is killed behind the block, if that has not ended it."""
    service = Command(folder, *options, **env)
    service.start()
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.kill()
