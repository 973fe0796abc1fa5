"""The command line on a real cluster: runs that are hosted there, and what it says of the cluster itself."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from synapse_core.testing import wait_until
from tests.core.cli.helpers import FLOW, SYNAPSE, Here
from tests.ray.clusters import TestCluster

GATED = '''
    """An action that waits for a file."""

    import time
    from pathlib import Path

    from synapse_core import action


    @action("gated")
    def gated(params: dict, ctx):
        Path(params["folder"], "begun").touch()
        while not Path(params["folder"], "open").exists():
            ctx.check()
            time.sleep(0.01)
        print("let go")
        return {"done": True}
'''


@pytest.fixture
def there(tmp_path: Path, cluster: TestCluster, monkeypatch: pytest.MonkeyPatch) -> Here:
    """A folder with a pipeline, whose commands find the cluster by its address."""
    monkeypatch.setenv("SYNAPSE_RAY_ADDRESS", cluster.address)
    made = Here(tmp_path)
    made.write("flow.py", FLOW)
    made.write("gated.py", GATED)
    return made


def has_runs(there: Here, *run_ids: str) -> bool:
    """Whether the engines on the cluster are of these runs; that of one that has ended leaves a little later."""
    return bool(there.synapse("ray", "status", "--json").json["runs"] == [*run_ids])


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["ray", "ray-job"])
def test_actions_run_there_and_the_engine_here(there: Here, executor: str) -> None:
    """By the executor's name; the run is shown and kept as any."""
    done = there.synapse("run", "flow.py:pipeline", "-p", "epochs=2", "--executor", executor, "--json")
    assert done.code == 0, done.err
    assert done.lines[-1]["payload"]["result"] == {"accuracy": 0.5, "epochs": 2, "optimizer": "adam"}
    (run,) = there.synapse("runs", "list", "--json").json["runs"]
    assert run["status"] == "completed"


@pytest.mark.slow
def test_a_private_ray_is_started_once(tmp_path: Path) -> None:
    """It takes seconds to start: nothing that waits for it meanwhile has Ray start another one."""
    here = Here(tmp_path)
    here.write("flow.py", FLOW)
    # Paths of sockets are short; what Ray has started may still write there while it ends.
    with TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        env = {"RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"}
        done = here.synapse("run", "flow.py", "load", "--executor", "ray-job", "--ray-address", "local", "-q", env=env)
    assert done.code == 0, done.err
    assert done.json
    assert "dashboard" not in done.err.lower()


@pytest.mark.slow
def test_a_pipeline_and_its_engine_run_there(there: Here, cluster: TestCluster) -> None:
    """It is shown as if it were here, its result printed; what keeps it is said, and everybody can look there."""
    done = there.synapse("run", "flow.py:pipeline", "--executor", "ray-pipeline", "--ray-address", cluster.address)
    assert done.code == 0, done.err
    assert "train  ✓ completed" in done.out
    assert json.loads(done.out[done.out.index("{\n") :]) == {"accuracy": 0.5, "epochs": 3, "optimizer": "adam"}
    assert "the cluster keeps its runs itself" in done.err
    shown = there.synapse("runs", "show", "last", "--store", f"ray:{cluster.address}", "--json").json
    assert shown["status"] == "completed"
    assert [entry["status"] for entry in shown["progress"]] == ["completed", "completed"]


@pytest.mark.slow
def test_a_run_that_was_left_alone_is_watched_and_ended_by_others(there: Here, cluster: TestCluster) -> None:
    """Whoever started it may go; `synapse ray status` tells of it, and `synapse runs` reaches it from anywhere."""
    command = ("run", "gated.py", "gated", "-p", f"folder={there.folder}", "--executor", "ray-pipeline", "--detach")
    left = there.synapse(*command)
    assert left.code == 0, left.err
    run_id = left.out.strip()
    wait_until(lambda: has_runs(there, run_id), "this run alone to be told of")
    assert f"runs: {run_id}" in there.synapse("ray", "status").out
    (there.folder / "open").touch()
    watched = there.synapse("runs", "watch", run_id, "--store", "ray:auto")
    assert watched.code == 0, watched.err
    assert "completed" in watched.out
    logs = there.synapse("runs", "logs", run_id, "--store", "ray:auto")
    assert "let go" in logs.out


@pytest.mark.slow
def test_ctrl_c_cancels_a_run_there(there: Here) -> None:
    """As it does here: the run is cancelled, nothing of it is left, and how to go on is said."""
    command = ["run", "gated.py", "gated", "-p", f"folder={there.folder}", "--executor", "ray-pipeline", "--json"]
    process = subprocess.Popen(
        [SYNAPSE, *command], cwd=there.folder, env=there.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"action.started"' in line:
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "was cancelled" in errors
    assert "synapse runs resume " in errors
    wait_until(lambda: has_runs(there), "its engine to be gone")


@pytest.mark.slow
def test_status_tells_what_the_cluster_has(there: Here, cluster: TestCluster) -> None:
    """Versions, nodes, what is free; as text and as JSON."""
    wait_until(lambda: has_runs(there), "engines of other tests to be gone")
    told = there.synapse("ray", "status")
    assert told.code == 0, told.err
    assert f"head at {cluster.address}" in told.out
    assert "alive, head" in told.out
    assert "runs: none" in told.out
    (node,) = there.synapse("ray", "status", "--json").json["nodes"]
    assert node["resources"]["CPU"] == 4.0


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_said_to_be(there: Here) -> None:
    """Within seconds, with the address and what to do, by all that need one."""
    for command in (
        ("ray", "status", "--ray-address", "127.0.0.1:1"),
        ("run", "flow.py", "load", "--executor", "ray-job", "--ray-address", "127.0.0.1:1"),
        ("run", "flow.py:pipeline", "--executor", "ray-pipeline", "--ray-address", "127.0.0.1:1"),
        ("runs", "list", "--store", "ray:127.0.0.1:1"),
    ):
        done = there.synapse(*command)
        assert done.code in {1, 2, 3}
        assert "no Ray cluster at 127.0.0.1:1: Connection refused" in done.err
        assert "Traceback" not in done.err
        assert "hint: " in done.err


@pytest.mark.slow
def test_a_wrong_option_is_named_before_anything_runs(there: Here) -> None:
    """With the nearest that there is, and a wrong value with what is wanted; of a flag, too."""
    run = ("run", "flow.py:pipeline", "--executor", "ray-jobs-api")
    unknown = there.synapse(*run, "-o", "wroking_dir=x")
    assert unknown.code == 2
    assert "no option 'wroking_dir'; did you mean 'working_dir'?" in unknown.err
    assert "num_cpus must be a number" in there.synapse(*run, "-o", "num_cpus=-1").err
    away = there.synapse(*run, "--dashboard-address", "http://127.0.0.1:1")
    assert away.code == 1
    assert "Ray's dashboard does not answer at http://127.0.0.1:1" in away.err


@pytest.mark.slow
def test_a_service_that_is_named_by_the_environment_must_answer(there: Here) -> None:
    """Runs are never kept elsewhere than where all others are, in silence."""
    done = there.synapse("run", "flow.py:pipeline", "-e", "ray-pipeline", env={"SYNAPSE_STORE": "http://127.0.0.1:1"})
    assert done.code == 3
    assert "http://127.0.0.1:1" in done.err
