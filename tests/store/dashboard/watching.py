"""What the tests of the dashboard share: the service as a process, and a page whose complaints are kept."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.ports import free_port

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOST = r"net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|SOCKET_NOT_CONNECTED)"


class Service:
    """``synapse serve`` on a file, as a process of its own."""

    def __init__(self, path: Path, token: str | None = None, options: Sequence[str] = ()) -> None:
        self.store = f"sqlite:///{path}"
        self._token = token
        self._options = options
        self._port = free_port()
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = ["serve", "--port", str(self._port), "--store", self.store, "--no-log", *self._options]
        more = [] if self._token is None else ["--token", self._token]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "synapse_core.cli", *command, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert self.url in line, line + self._process.stdout.read()

    def stop(self) -> None:
        """Tell it to end, as an operator does."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(60) == 0
            self.kill()

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Watched:
    """A page, with what it has complained of and whom it has asked.

    ``allowed`` is a pattern of complaints that belong to the test.
    """

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.allowed = ""
        self._home = urlsplit(home).netloc
        self._complaints: list[str] = []
        self._abroad: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("request", lambda request: self._see(request.url))
        page.on("dialog", lambda dialog: self._complaints.append(f"a dialog: {dialog.message}"))

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self._complaints.append(text)

    def _see(self, url: str) -> None:
        split = urlsplit(url)
        if split.scheme not in {"data", "blob"} and split.netloc != self._home:
            self._abroad.append(url)

    def check(self) -> None:
        """See that it was quiet and stayed at home."""
        complaints = [text for text in self._complaints if not (self.allowed and re.search(self.allowed, text))]
        assert complaints == []
        assert self._abroad == []
