"""The parts that need no cluster: answers, the watchdog, the choice of a service."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core import errors
from synapse_core.env import PluginEnvironment
from synapse_core.errors import FieldIssue, SynapseError
from synapse_core.events import now
from synapse_core.protocols import Lease
from synapse_core.testing import wait_until
from synapse_ray.pipeline import service as services
from synapse_ray.pipeline.answers import Answer, answer
from synapse_ray.pipeline.orders import Post
from synapse_ray.pipeline.service import ServiceChoice, choose_service
from tests.ports import free_port
from tests.store.serving import served

ERRORS = [
    errors.ValidationError("params", [FieldIssue("a.b", "is no number", "str", "int")], hint="write 1"),
    errors.RunNotFoundError("no run 'x'", hint="look again"),
    errors.LeaseLostError("taken", lease=Lease("r", "me", 3, now())),
    errors.ExecutionError("failed", error_type="ValueError", traceback="…", run_id="r"),
    errors.SchemaIncompatibleError(["a does not fit b"]),
]


def crossed(answered: Answer) -> Answer:
    """As it comes out at the other end."""
    found: Answer = pickle.loads(pickle.dumps(answered))
    return found


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_cross_as_they_are(error: SynapseError):
    """Type, message, hint, and whatever else an error carries."""
    with pytest.raises(type(error)) as caught:
        crossed(Answer.of_error(error)).get()
    assert str(caught.value) == str(error)
    assert vars(caught.value) == vars(error)


@given(st.text())
def test_any_other_error_is_the_stores(message: str):
    """An exception that is nobody's on purpose arrives with its type's name and message."""
    with pytest.raises(errors.StoreError) as caught:
        crossed(Answer.of_error(OSError(message))).get()
    assert caught.value.message == f"OSError: {message}"


def test_an_error_of_a_type_that_is_not_known_here_is_the_next_that_is():
    """A plugin's own subclass, which the other side does not have, is raised as what it is a kind of."""
    data = Answer.of_error(errors.RunNotFoundError("gone")).error
    assert data is not None
    unknown = Answer(error={**data, "kinds": [("no.such.module", "Strange"), *data["kinds"]]})
    with pytest.raises(errors.RunNotFoundError, match="gone"):
        unknown.get()


async def _value() -> int:
    return 3


def test_values_are_answered():
    """What was awaited is the answer."""
    import asyncio

    assert asyncio.run(answer(_value())).get() == 3


def test_a_post_shows_no_secret():
    """Neither the token nor the environment is in its text."""
    base = {"runtime_env": {"env_vars": {"A": "s3cret"}}}
    post = Post("r", token="t0ken", env=PluginEnvironment({"PASSWORD": "pa55"}), base=base)
    assert not any(secret in repr(post) for secret in ("t0ken", "pa55", "s3cret"))


WATCHED = """\
import sys, time
from synapse_ray.pipeline.watchdog import Watchdog
dog = Watchdog(float(sys.argv[1]))
print(dog._process.pid, flush=True)
sys.stdin.readline()
dog.close()
"""


Watched = tuple[subprocess.Popen[str], int]


@pytest.fixture
def patience() -> float:
    """Of the watchdog, in seconds: none that a process which moves could use up on a slow machine."""
    return 120.0


@pytest.fixture
def watched(patience: float) -> Iterator[Watched]:
    """A process with a watchdog, and the watchdog's process id."""
    command = [sys.executable, "-c", WATCHED, str(patience)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def _ended(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123  as short as can be
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize("patience", [1.0])
def test_a_frozen_process_is_ended(watched: Watched):
    """It does not move for as long as its watchdog is patient: it is killed."""
    process, _ = watched
    os.kill(process.pid, signal.SIGSTOP)
    assert process.wait(60) == -signal.SIGKILL


def test_a_watchdog_goes_with_its_process(watched: Watched):
    """Where that is killed, nothing stays."""
    process, dog = watched
    process.kill()
    wait_until(lambda: _ended(dog), "the watchdog to go")


def test_a_watchdog_is_let_go_of(watched: Watched):
    """Closed, it goes at once, and its process on."""
    process, dog = watched
    process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert _ended(dog)


def test_a_service_that_answers_is_chosen(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    """One that was named; one that nobody named, where there is one at the usual place; the choice is said."""
    with served() as service:
        assert choose_service(f"{service.url}/") == service.url
        monkeypatch.setattr(services, "DEFAULT_URL", service.url)
        with caplog.at_level(logging.INFO):
            assert choose_service(ServiceChoice.IF_ANY) == service.url
    assert f"kept by the pipeline service at {service.url}" in caplog.text


def test_no_service_is_said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    """Without one the cluster keeps its runs, and what that cannot survive is said."""
    monkeypatch.setattr(services, "DEFAULT_URL", f"http://127.0.0.1:{free_port()}")
    assert choose_service(ServiceChoice.IF_ANY) is None
    assert "survive whatever dies but that node's disk" in caplog.text
    assert choose_service(None) is None
    assert choose_service("ray:auto") is None


def test_something_else_at_the_address_is_no_service():
    """A server without health is not taken for a service."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert services.silent(f"http://127.0.0.1:{server.server_port}") == "it answers with status 404"
        server.shutdown()
