"""``synapse serve --runner DIR``: runs that are taken up by the service's own runner, with the code of that folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest

from synapse_core import Session
from synapse_core.ids import new_run_id
from synapse_core.testing import wait_until
from synapse_core.testing.processes import is_alive
from synapse_store import PipelineServiceClient
from tests.store.service.command import command
from tests.store.serving import served

FLOW = """
from pathlib import Path
import time
from synapse_core import ActionPipeline, action

@action("load")
def load(params, ctx):
    with Path(__file__).with_name("loads").open("a") as file:
        file.write("x")
    return {"rows": 3}

@action("train")
def train(params, ctx):
    MARK
    return {"score": params["rows"] * 2}

pipeline = ActionPipeline([load, train], name="flow")
"""
FAILS = 'raise ValueError("no luck")'
WAITS = """
    (Path(__file__).with_name("started")).touch()
    while not Path(__file__).with_name("go").exists():
        ctx.check()
        time.sleep(0.02)
"""


def write(folder, mark="pass"):
    """The code of a pipeline, with what its second action does."""
    folder.mkdir(exist_ok=True)
    (folder / "flow.py").write_text(FLOW.replace("    MARK", textwrap.indent(textwrap.dedent(mark).strip(), "    ")))
    return folder


def run(service, folder, wait=True):
    """``synapse run`` of that code, in the store that is served."""
    args = [sys.executable, "-m", "synapse_core.cli", "run", f"{folder}/flow.py:pipeline", "--store", service.store]
    process = subprocess.Popen([*args, "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if wait:
        process.wait(60)
    return process


def ask(service, method, path, body=None):
    """The status and the JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(service.url + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=90) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture
def code(tmp_path):
    return write(tmp_path / "code", FAILS)


@pytest.fixture
def service(tmp_path, code):
    with command(tmp_path, "--runner", str(code), "--no-log", HOME=str(tmp_path)) as running:
        yield running


@pytest.fixture
def client(service):
    with PipelineServiceClient(service.url) as found:
        yield found


def ended(client, run_id):
    wait_until(lambda: client.get_run(run_id).status in {"completed", "failed", "cancelled"}, "the end")
    return client.get_run(run_id)


@pytest.mark.slow
def test_a_failed_run_is_resumed_with_the_code_as_it_is_now(service, client, code):
    """What was completed is reused; each order sees the code as it was edited last."""
    run(service, code)
    (failed,) = client.list_runs()
    write(code)
    status, made = ask(service, "POST", f"/api/v1/runs/{failed.id}/resume", {})
    assert status == 201
    assert ended(client, made["id"]).result == {"score": 6}
    assert client.get_progress(made["id"]).action("load").status == "skipped"
    assert (code / "loads").read_text() == "x"
    assert client.get_run(made["id"])["resumed_from"] == failed.id
    status, again = ask(service, "POST", f"/api/v1/runs/{made['id']}/rerun", {"action": "load"})
    assert status == 201
    assert ended(client, again["id"]).status == "completed"
    assert (code / "loads").read_text() == "xx"
    write(code, "return 1 / 0")
    status, again = ask(service, "POST", f"/api/v1/runs/{made['id']}/rerun", {"action": "train"})
    assert "division by zero" in ended(client, again["id"]).error


@pytest.mark.slow
def test_what_cannot_be_taken_up_is_told(service, client, code, tmp_path):
    """A changed pipeline, code that cannot be imported, an action that is not there: in words, and without paths."""
    run(service, code)
    (failed,) = client.list_runs()
    path = f"/api/v1/runs/{failed.id}"
    (code / "flow.py").write_text(
        (code / "flow.py").read_text().replace('"rows": 3', '"rows": 4').replace(FAILS, "pass")
    )
    status, said = ask(service, "POST", f"{path}/resume", {})
    assert (status, said["changed"]) == (409, True)
    assert "load" in said["detail"]
    status, made = ask(service, "POST", f"{path}/resume", {"force": True})
    assert status == 201
    assert ended(client, made["id"]).result == {"score": 8}
    status, said = ask(service, "POST", f"{path}/rerun", {"action": "lode"})
    assert status == 409
    assert "did you mean 'load'?" in said["detail"]
    status, said = ask(service, "POST", f"{path}/recover")
    assert status == 409
    assert "failed" in said["detail"]
    (code / "flow.py").write_text("import nothing_like_this")
    status, said = ask(service, "POST", f"{path}/resume", {})
    assert status == 409
    assert "nothing_like_this" in said["detail"]
    assert str(tmp_path) not in said["detail"]
    assert ask(service, "POST", "/api/v1/runs/01nope/resume", {})[0] == 404


@pytest.mark.slow
def test_a_run_whose_engine_was_killed_goes_on(service, client, code):
    """Nobody runs it, which is told; recover goes on with it, and does not when its runner is killed in turn."""
    write(code, WAITS)
    process = run(service, code, wait=False)
    wait_until((code / "started").exists, "its start")
    (running,) = client.list_runs()
    path = f"/api/v1/runs/{running.id}"
    assert ask(service, "GET", f"{path}/engine")[1] == {"lives": True, "gone": False, "reported": False}
    assert ask(service, "POST", f"{path}/recover")[0] == 409
    process.kill()
    process.wait(30)
    assert ask(service, "GET", f"{path}/engine")[1]["gone"]
    assert ask(service, "POST", f"{path}/recover")[0] == 202
    wait_until(lambda: ask(service, "GET", f"{path}/engine")[1]["lives"], "an engine")
    first = ask(service, "GET", f"{path}/lease")[1]["owner"]
    os.kill(int(first.split("/")[1]), signal.SIGKILL)
    wait_until(lambda: ask(service, "GET", f"{path}/lease")[1]["owner"] != first, "another runner to take it")
    (code / "go").touch()
    assert ended(client, running.id).result == {"score": 6}
    assert (code / "loads").read_text() == "x"


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_runner_ends_with_the_service(service, client, code, how):
    """Whether that is told to end or killed: nothing is left running, and what was can be resumed."""
    run(service, code)
    (failed,) = client.list_runs()
    write(code, WAITS)
    _, made = ask(service, "POST", f"/api/v1/runs/{failed.id}/resume", {})
    wait_until((code / "started").exists, "its start")
    pid = int(ask(service, "GET", f"/api/v1/runs/{made['id']}/lease")[1]["owner"].split("/")[1])
    getattr(service, how)()
    wait_until(lambda: not is_alive(pid), "the runner's end")
    with Session(store=service.store) as session:
        assert session.progress(made["id"]).status == "cancelled"


EVIL = "import pathlib; pathlib.Path(__file__).with_name('was-here').touch()\n"


@pytest.mark.slow
def test_no_client_names_code_outside_the_folder(service, code, tmp_path):
    """Whatever is written into a run: files elsewhere, installed modules, what the folder's code has imported."""
    (tmp_path / "evil.py").write_text(EVIL)
    (code / ".hidden.py").write_text(EVIL)
    (code / "link.py").symlink_to(tmp_path / "evil.py")
    (code / "mod.py").write_text("from subprocess import Popen\nimport os\n")
    touch = ["/usr/bin/touch", str(tmp_path / "was-here")]
    tries = [
        {"entrypoint": f"{tmp_path}/evil.py:x"},
        {"entrypoint": f"{code}/../evil.py:x"},
        {"entrypoint": f"{code}/.hidden.py:x"},
        {"entrypoint": f"{code}/link.py:x"},
        {"entrypoint": "evil:x", "root": str(tmp_path)},
        {"entrypoint": "subprocess:Popen"},
        {"entrypoint": "mod:Popen"},
        {"entrypoint": "mod:os.system"},
        {"entrypoint": f"{code}/flow.py:load", "when": "mod:Popen"},
        {"entrypoint": f"{code}/flow.py:load", "when": f"{tmp_path}/evil.py:x"},
    ]
    for node in tries:
        plan = {"name": "p", "nodes": [{"name": "a", "action": "a", "needs": [], **node}]}
        run_id = _created(service, plan, params=dict.fromkeys(touch))
        for how in ("resume", "recover"):
            status, said = ask(service, "POST", f"/api/v1/runs/{run_id}/{how}", {})
            assert status == 409, (node, how)
            assert "nothing to resume from" in said["detail"] or "not in there" in said["detail"], (node, said)
    for target in (
        f"{tmp_path}/evil.py",
        str(tmp_path),
        "evil",
        f"{code}/link.py",
        f"{code}/../evil.py:x",
        "subprocess",
    ):
        plan = {"name": "p", "nodes": [{"name": "a", "action": "a", "needs": [], "entrypoint": "evil:x"}]}
        run_id = _created(service, plan, target=target)
        status, said = ask(service, "POST", f"/api/v1/runs/{run_id}/rerun", {"action": "a"})
        assert status == 409
        assert "not in there" in said["detail"], said
    assert not (tmp_path / "was-here").exists()
    assert not (code / "was-here").exists()


@pytest.mark.slow
def test_how_a_run_is_run_is_not_the_clients_to_say(service, code):
    """Another executor, or options of one, are refused."""
    plan = {
        "name": "p",
        "nodes": [{"name": "load", "action": "load", "needs": [], "entrypoint": f"{code}/flow.py:load"}],
    }
    for options in ({"executor": "ray"}, {"executor": "process", "options": {"linger": 1e9}}):
        run_id = _created(service, plan, options=options)
        status, said = ask(service, "POST", f"/api/v1/runs/{run_id}/recover", {})
        assert status == 409
        assert "executor" in said["detail"]


def _created(service, plan, **more):
    """A run as a client can write it: one that has begun, and whose engine is gone."""
    run_id = new_run_id()
    now = datetime.now(UTC).isoformat()
    record = {"id": run_id, "name": "p", "params": {}, "plan": plan, "created_at": now, **more}
    events = [{"kind": "run.created", "payload": {"name": "p", "nodes": plan["nodes"]}}, {"kind": "run.started"}]
    checkpoint = {"action_name": "a", "action_index": 0, "status": "completed", "result": {"x": 1}}
    body = {"run": record, "events": events, "checkpoints": [checkpoint]}
    assert ask(service, "POST", "/api/v1/runs", body)[0] == 201
    return run_id


def test_without_a_runner_the_service_says_so():
    """Nothing is run; the page then shows what to type."""
    with served() as service:
        run = service.new_run("load")
        assert service.get("/api/v1/runner").json == {"available": False}
        for how, body in (("resume", {}), ("rerun", {"action": "load"}), ("recover", None)):
            answer = service.post(f"/api/v1/runs/{run['id']}/{how}", body)
            assert answer.status == 409
            assert "--runner" in answer.json["detail"]
        assert service.get(f"/api/v1/runs/{run['id']}/engine").json["reported"]


def test_a_runner_wants_a_folder_and_a_store_that_it_can_reach(tmp_path):
    """Both are said at once, before anything is served."""
    args = [sys.executable, "-m", "synapse_core.cli", "serve", "--port", "0", "--runner"]
    for more, hint in ((["/no/such/folder"], "no folder"), ([str(tmp_path), "--store", "memory:"], "memory:")):
        store = [] if "--store" in more else ["--store", f"sqlite:///{tmp_path}/runs.db"]
        done = subprocess.run([*args, *more, *store], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode != 0
        assert hint in done.stderr


@pytest.mark.slow
def test_what_is_not_taken_up_is_told_at_the_start(tmp_path, code):
    """Each unfinished run, and why: its engine lives, its engine has died, its code is elsewhere."""
    write(code, WAITS)
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other", WAITS)
    with command(tmp_path, "--runner", str(code)) as service, PipelineServiceClient(service.url) as client:
        processes: list[subprocess.Popen[bytes]] = []
        for folder in (code, code, other):  # one by one: in one millisecond their ids would begin alike
            processes.append(run(service, folder, wait=False))
            wait_until(lambda: len(client.list_runs()) == len(processes), "it to be there")
        lives, gone, elsewhere = processes
        try:
            wait_until(lambda: [each["status"] for each in client.list_runs()] == ["running"] * 3, "their start")
            owners = {
                int(ask(service, "GET", f"/api/v1/runs/{each.id}/lease")[1]["owner"].split("/")[1]): each.id
                for each in client.list_runs()
            }
            for process in (gone, elsewhere):
                process.kill()
                process.wait(30)
            client.create_run(client.create_pipeline("reported", [{"name": "a", "entrypoint": "m:A"}]).id)
            service.stop()
            service.start()
            lines = wait_until(lambda: _told(service, owners), "the list")
            assert "it is run by process" in lines[lives.pid]
            assert f"synapse runs recover {owners[gone.pid][:16]}" in lines[gone.pid]
            assert "of its own folder only" in lines[elsewhere.pid]
            assert "reported" not in service.log.read_text()
        finally:
            lives.kill()
            lives.wait(30)


def _told(service, owners):
    """By the process that ran it, what is told of each run; empty while not all are told of."""
    text = service.log.read_text().splitlines()
    found = {pid: [line for line in text if line.strip().startswith(run_id[:12])] for pid, run_id in owners.items()}
    return {pid: lines[-1] for pid, lines in found.items()} if all(found.values()) else {}
