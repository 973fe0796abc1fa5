"""`PipelineServiceClient` against a real service: each method, the seed's example, and a service that is not there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import datetime, timedelta

import pytest

from synapse_core import models
from synapse_core.builtin.memory import MemoryStore
from synapse_core.errors import NotFoundError, StoreUnavailableError, SynapseError
from synapse_core.models import ActionStatus, LogLevel
from synapse_store import ActionProgress, LogEntry, PipelineServiceClient
from synapse_store.client import ServiceError, ServiceUnavailable
from synapse_store.service.settings import Settings
from synapse_store.sqlite.store import SQLiteStore
from tests.ports import free_port
from tests.store.serving import served

ACTIONS = [
    {"name": "download", "entrypoint": "plugin.download.DownloadAction"},
    {"name": "train", "entrypoint": "plugin.train.TrainAction"},
]


@pytest.fixture
def service():
    with served() as running:
        yield running


@pytest.fixture
def client(service):
    with PipelineServiceClient(service.url) as client:
        yield client


def test_pipelines(client):
    """Created, found, listed, deleted; typed, and indexed like dicts."""
    made = client.create_pipeline(name="YOLO", actions=ACTIONS, description="End to end")
    assert made["id"] == made.id
    assert isinstance(made.created_at, datetime)
    assert client.get_pipeline(made.id) == made
    assert client.list_pipelines(skip=0, limit=100) == [made]
    client.delete_pipeline(made.id)
    with pytest.raises(NotFoundError, match="no pipeline"):
        client.get_pipeline(made.id)


def test_runs(client):
    """Created, updated, listed, deleted."""
    pipeline = client.create_pipeline("p", ACTIONS)
    run = client.create_run(pipeline_id=pipeline["id"], params={"epochs": 100}, work_dir="/workspace/run-001")
    assert (run["status"], run.params, run["work_dir"]) == ("pending", {"epochs": 100}, "/workspace/run-001")
    assert run.get("nothing", 3) == 3
    assert dict(run)["id"] == run.id
    with pytest.raises(KeyError):
        run["nothing"]
    assert [each["id"] for each in client.list_runs()] == [run.id]
    assert client.list_runs(status="running") == []
    result = {"accuracy": 0.95, "model_path": "/models/best.pt"}
    done = client.update_run(run_id=run.id, status="completed", result=result)
    assert (done["status"], done["result"]) == ("completed", result)
    assert client.list_runs(status="completed") == [done]
    with pytest.raises(ServiceError, match="has ended") as refused:
        client.cancel_run(run.id)
    assert refused.value.status == 409
    client.delete_run(run.id)
    with pytest.raises(NotFoundError):
        client.get_run(run.id)


def test_progress(client):
    """Reported as the seed does, and read as the core's state."""
    run = client.create_run(client.create_pipeline("p", ACTIONS).id)
    client.report_progress(run_id=run.id, current_action="download", current_action_index=0, status="running")
    progress = ActionProgress(
        name="train",
        status="running",  # type: ignore[arg-type] # as the seed has it
        progress=50,
        total=100,
        metrics={"loss": 0.25, "accuracy": 0.87},
    )
    client.report_progress(run_id=run.id, current_action="train", action_progress=progress)
    state = client.get_progress(run.id)
    assert issubclass(type(state), models.PipelineProgress)
    assert state.status == "running"
    assert state.current_action == "train"
    assert [(each.name, each.progress / each.total) for each in state.actions] == [("download", 0.0), ("train", 0.5)]
    assert state["progress"][1]["metrics"] == {"loss": 0.25, "accuracy": 0.87}
    client.report_progress(run.id, action_progress={"name": "train", "progress": 0.75})
    assert client.get_progress(run.id).action("train").progress == 0.75
    client.report_progress(run.id, action_progress=models.ActionProgress("train", ActionStatus.RUNNING, 0.8))
    assert client.get_progress(run.id).action("train").progress == 0.8


def test_progress_in_units(client):
    """The core's `ActionProgress` counts in units, too."""
    run = client.create_run(client.create_pipeline("p", ACTIONS).id)
    progress = models.ActionProgress("train", ActionStatus.RUNNING, progress=30, total=40)
    client.report_progress(run.id, action_progress=progress)
    assert client.get_progress(run.id).action("train").progress == 0.75


def test_checkpoints(client):
    """Kept and found; None where there is none, an error where there is no run."""
    run = client.create_run(client.create_pipeline("p", ACTIONS).id)
    assert client.get_latest_checkpoint(run.id) is None
    made = client.create_checkpoint(
        run_id=run.id,
        action_name="train",
        action_index=1,
        status="completed",
        params_snapshot={"epochs": 100, "batch_size": 16},
        result={"best_accuracy": 0.95},
        artifacts_path="/workspace/checkpoints/epoch_50",
    )
    assert made["params_snapshot"] == {"epochs": 100, "batch_size": 16}
    assert client.get_checkpoints(run.id) == [made]
    assert client.get_latest_checkpoint(run.id) == made
    assert client.get_checkpoint_by_action(run.id, "train") == made
    assert client.get_checkpoint_by_action(run.id, "größe/ [0]") is None
    with pytest.raises(NotFoundError):
        client.get_latest_checkpoint("nobody")


def test_logs_and_metrics(client):
    """By action, level and local time."""
    run = client.create_run(client.create_pipeline("p", ACTIONS).id)
    made = client.append_logs(
        run.id,
        [
            LogEntry(message="Starting training", level=LogLevel.INFO, action_name="train"),
            models.LogEntry(message="old", level=LogLevel.ERROR, timestamp=datetime.now() - timedelta(hours=2)),  # noqa: DTZ005
            {"message": "a dict"},
        ],
    )
    assert [entry["message"] for entry in client.get_logs(run.id)] == [entry.message for entry in made]
    assert [entry.message for entry in client.get_logs(run.id, action_name="train")] == ["Starting training"]
    assert [entry.message for entry in client.get_logs(run.id, level="error")] == ["old"]
    recent = client.get_logs(run.id, since=datetime.now() - timedelta(hours=1))  # noqa: DTZ005  as the seed has it
    assert [entry.message for entry in recent] == ["Starting training", "a dict"]
    client.report_progress(run.id, action_progress={"name": "train", "metrics": {"loss": 0.5}})
    (series,) = client.get_metrics(run.id, action="train")
    assert (series.name, series["points"][0][1]) == ("loss", 0.5)


def test_every_method_has_its_twin(service):
    """The async ones give the same."""

    async def body():
        async with PipelineServiceClient(service.url) as client:
            pipeline = await client.create_pipeline_async("p", ACTIONS)
            run = await client.create_run_async(pipeline.id)
            await client.report_progress_async(run.id, status="running", current_action="train")
            states = []
            async for state in client.stream_progress_async(run.id):
                states.append(state.status)
                if state.status == "running":
                    await client.update_run_async(run.id, status="failed", error="x")
            assert states == ["running", "failed"]
            assert await client.health_check_async()
            assert (await client.get_run_async(run.id)).error == "x"

    asyncio.run(body())
    names = [name for name in vars(PipelineServiceClient) if not name.startswith("_")]
    plain = [name for name in names if not name.endswith("_async") and name not in {"close", "aclose", "base_url"}]
    assert {f"{name}_async" for name in plain} <= set(names)


def _reports(url, run_id):
    """What the other side does meanwhile."""
    with PipelineServiceClient(url) as client:
        for name in ("download", "train"):
            for step in (0, 50, 100):
                report = ActionProgress(name=name, status=ActionStatus.RUNNING, progress=step, total=100)
                client.report_progress(run_id, current_action=name, status="running", action_progress=report)
            client.report_progress(run_id, action_progress={"name": name, "status": "completed"})
        client.update_run(run_id, status="completed", result={"accuracy": 0.95})


def test_the_complete_example(service, monkeypatch, capsys):
    """The seed's, but for its import lines and the address; somebody runs the run meanwhile."""
    url = service.url
    before = PipelineServiceClient.create_run
    reporting: list[threading.Thread] = []

    def and_run(self, *args, **kwargs):
        run = before(self, *args, **kwargs)
        reporting.append(threading.Thread(target=_reports, args=(url, run.id)))
        reporting[0].start()
        return run

    monkeypatch.setattr(PipelineServiceClient, "create_run", and_run)

    with PipelineServiceClient(url) as client:
        # Create pipeline
        pipeline = client.create_pipeline(
            name="Training Pipeline",
            actions=[
                {"name": "download", "entrypoint": "plugin.download.DownloadAction"},
                {"name": "train", "entrypoint": "plugin.train.TrainAction"},
            ],
        )

        # Start run
        run = client.create_run(
            pipeline["id"],
            params={"dataset": 123, "epochs": 50},
        )

        # Monitor progress
        for progress in client.stream_progress(run["id"], timeout=3600):
            print(f"[{progress.status}] {progress.current_action}")

            if progress.current_action:
                for action in progress.actions:
                    if action.name == progress.current_action:
                        print(f"  Progress: {action.progress}/{action.total}")

            if progress.status in ("completed", "failed", "cancelled"):
                break

        # Get final result
        final_run = client.get_run(run["id"])
        if final_run["status"] == "completed":
            print(f"Result: {final_run.get('result')}")
        else:
            print(f"Error: {final_run.get('error')}")

    reporting[0].join()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["[completed] None", "Result: {'accuracy': 0.95}"]


LEFT_OPEN = """
import gc, sys
from synapse_store import PipelineServiceClient
client = PipelineServiceClient(sys.argv[1])
run = client.create_run(client.create_pipeline("p", [{"name": "a", "entrypoint": "m.a"}]).id)
states = PipelineServiceClient(sys.argv[1]).stream_progress(run.id)
print(next(states).status)
gc.collect()
client.update_run(run.id, status="completed")
print(next(states).status)
"""


def test_a_client_that_nobody_closes(service):
    """It serves as long as anybody uses it, its streams too, and the program ends without a word about it."""
    told = subprocess.run(
        [sys.executable, "-X", "dev", "-c", LEFT_OPEN, service.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (told.stdout.split(), told.stderr) == (["pending", "completed"], "")


def test_a_closed_client(service):
    """It says that it is closed."""
    with PipelineServiceClient(service.url) as client:
        assert client.health_check()
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.list_runs()


def test_no_service():
    """Says where, and what to do; a health check just says no."""
    url = f"http://127.0.0.1:{free_port()}"
    with PipelineServiceClient(url, timeout=0.5) as client:
        assert client.health_check() is False
        with pytest.raises(
            ServiceUnavailable, match=r"no pipeline service at http://.*; start one with: synapse serve"
        ):
            client.create_pipeline("p", ACTIONS)
        with pytest.raises(StoreUnavailableError):
            next(iter(client.stream_progress("x")))


@pytest.mark.parametrize("url", ["localhost:8100", "ftp://x", "http://", "http://:token@host"])
def test_what_is_no_address(url):
    """Is said at once; a token is never part of one."""
    with pytest.raises(SynapseError):
        PipelineServiceClient(url)


def test_a_token():
    """Given, or in the environment; without it the message says what is wanted."""
    with served(settings=Settings(token="word")) as service:
        with PipelineServiceClient(service.url, token="word") as client:
            assert client.list_runs() == []
        with PipelineServiceClient(service.url) as client, pytest.raises(ServiceError, match="SYNAPSE_TOKEN"):
            client.list_runs()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_stream_goes_on_after_a_restart(kind, tmp_path):
    """The service ends and comes again while the stream is read: nothing is missed that is the newest."""
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "runs.db")
    port = free_port()  # not any: while nobody listens there, it may be given to whoever connects
    with served(store, port=port) as service, PipelineServiceClient(service.url) as client:
        run = client.create_run(client.create_pipeline("p", ACTIONS).id)
        states = client.stream_progress(run.id)
        assert next(states).status == "pending"
        service.stop()
        store = store if kind == "memory" else SQLiteStore(tmp_path / "runs.db")
        with served(store, port=port):
            client.report_progress(run.id, status="running")
            client.update_run(run.id, status="completed")
            assert [state.status for state in states][-1] == "completed"
