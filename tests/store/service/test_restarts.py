"""The service as a process of its own: started by the command, stopped, killed and started again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from typing import Any

import pytest

from synapse_core import Session
from synapse_core.models import RunStatus
from synapse_core.testing import until, wait_until
from synapse_store import HTTPStore, PipelineServiceClient
from tests.store.service.actions import LINES, Listen, pipeline
from tests.store.service.command import COMMAND, command


def test_sigterm_ends_it_with_streams_open(tmp_path):
    """Streams are told, and it ends by itself, with nothing but requests in its log."""
    with command(tmp_path) as service, PipelineServiceClient(service.url) as client:
        run = client.create_run(client.create_pipeline("p", [{"name": "a", "entrypoint": "m:A"}]).id)
        states: Any = client.stream_progress(run.id)
        next(states)
        assert service.stop() == 0, "waiting for its streams, it would not have ended"
        states.close()
        first, *requests = service.log.read_text().splitlines()
        assert first.startswith("serving sqlite:")
        assert {json.loads(line)["path"] for line in requests} >= {"/health", f"/api/v1/runs/{run.id}/progress/stream"}


@pytest.mark.slow
def test_a_run_is_kept_by_a_service(tmp_path):
    """``--store http://…`` works where ``sqlite:`` does: run, watch, cancel, resume."""
    with command(tmp_path) as service, Session(store=service.url) as session:
        run_id = session.submit(pipeline(), {"seed": 3})
        assert session.wait(run_id).status is RunStatus.COMPLETED
        with PipelineServiceClient(service.url) as client:
            assert client.get_run(run_id)["result"] == {"sum": 6}
            assert [each.action_name for each in client.get_checkpoints(run_id)] == ["talk", "sum"]
            assert client.get_checkpoints(run_id)[0].params_snapshot == {"seed": 3, "talked": 3}
            other = session.submit([Listen], {"seed": 4})
            wait_until(lambda: client.get_run(other).status == "running", "its start")
            client.cancel_run(other)
            wait_until(lambda: client.get_run(other).status == "cancelled", "its end")


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_when_it_is_killed(tmp_path):
    """Ten runs and a hundred streams: they go on, and each event is there once, and was told once."""
    with command(tmp_path) as service, Session(store=service.url) as session:
        ids = [session.submit(pipeline(), {"seed": seed}) for seed in range(10)]
        told = asyncio.run(_watched(service, session, ids))
        for seed, run_id in enumerate(ids):
            assert session.wait(run_id).result == {"sum": seed * 2}
        events = {run_id: session.call(_everything(session.store, run_id)) for run_id in ids}
    for run_id, found in events.items():
        assert [event.seq for event in found] == list(range(1, len(found) + 1))
        lines = [event.payload["data"]["line"] for event in found if event.kind == "action.log"]
        assert lines == list(range(LINES))
        assert all(each == found for each in told[run_id])


async def _watched(service, session, ids):
    """What ten watchers of each run are told, while the service is killed twice."""
    store = HTTPStore(service.url)

    async def watch(run_id):
        return [event async for batch in store.watch(run_id) for event in batch]

    watching = {run_id: [asyncio.create_task(watch(run_id)) for _ in range(10)] for run_id in ids}
    for _ in range(2):
        before = {run_id: (await session.progress_async(run_id)).seq for run_id in ids}

        async def gone_on(before=before):
            now = [await session.progress_async(run_id) for run_id in ids]
            return all(state.seq > before[state.run_id] + 3 or state.status.is_terminal() for state in now)

        await until(gone_on, "all runs to go on")
        await asyncio.to_thread(service.kill)
        await asyncio.to_thread(service.start)
    told = {run_id: await asyncio.gather(*tasks) for run_id, tasks in watching.items()}
    await store.aclose()
    return told


async def _everything(store, run_id):
    return await store.read(run_id, limit=100_000)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_does_not_start_for_others_without_a_token(host):
    """It says what to do."""
    env = {key: value for key, value in os.environ.items() if key != "SYNAPSE_TOKEN"}
    args = [*COMMAND, "--host", host, "--port", "0", "--store", "memory:"]
    done = subprocess.run(args, capture_output=True, text=True, check=False, env=env, timeout=60)
    assert done.returncode == 2
    assert "--token" in done.stderr


def test_a_port_in_use(tmp_path):
    """Is said, without a traceback."""
    with command(tmp_path) as service:
        args = [*COMMAND, "--port", str(service.port), "--store", "memory:"]
        done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_store_that_cannot_be_used(tmp_path):
    """Is said, and nothing is served; the file is left as it is."""
    file = tmp_path / "notes.txt"
    file.write_text("no database")
    args = [*COMMAND, "--port", "0", "--store", f"sqlite:///{file}"]
    done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (3, "")
    assert "is no SQLite database" in done.stderr
    assert "choose another file with --store" in done.stderr
    assert file.read_text() == "no database"
