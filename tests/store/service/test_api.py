"""The service's paths, as clients of the wire know them: real requests on a real port."""

from __future__ import annotations

import re

import pytest

from synapse_core.builtin.memory import MemoryStore
from synapse_core.models import RunStatus
from synapse_store.sqlite.store import SQLiteStore
from tests.store.serving import served

RUN = {
    "id", "pipeline_id", "status", "params", "result", "error", "work_dir", "progress", "current_action",
    "current_action_index", "started_at", "completed_at", "created_at",
}  # fmt: skip
ACTION = {
    "name", "status", "progress", "progress_category", "message", "metrics", "started_at", "completed_at", "error",
    "attempt", "categories",
}  # fmt: skip
PROGRESS = {
    "run_id", "pipeline_id", "status", "current_action", "current_action_index", "progress", "overall_progress",
    "started_at", "completed_at", "error",
}  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"], scope="module")
def service(request, tmp_path_factory):
    store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path_factory.mktemp("s") / "runs.db")
    with served(store) as running:
        yield running


def test_health(service):
    """Says that it is there, and its version."""
    answer = service.get("/health")
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    assert answer.json["version"]


def test_a_pipeline_is_kept_and_found(service):
    """What was sent comes back, with what the service adds; with and without the trailing slash."""
    actions = [{"name": "load", "entrypoint": "p:L", "gpu": 1}, {"name": "train", "entrypoint": "p:T"}]
    made = service.post("/api/v1/pipelines", {"name": "größe", "actions": actions, "unknown": 1})
    assert made.status == 201
    pipeline = made.json
    assert set(pipeline) == {"id", "name", "description", "actions", "created_at"}
    assert pipeline["actions"] == actions
    assert pipeline["created_at"].endswith("+00:00")
    for slash in ("", "/"):
        assert service.get(f"/api/v1/pipelines/{pipeline['id']}{slash}").json == pipeline
        assert service.get(f"/api/v1/pipelines{slash}?limit=1").json == [pipeline]


def test_pipelines_come_in_pages(service):
    """Newest first, some skipped."""
    ids = [
        service.post("/api/v1/pipelines/", {"name": f"p{n}", "actions": [{"name": "a", "entrypoint": "p:A"}]}).json[
            "id"
        ]
        for n in range(4)
    ]
    assert [each["id"] for each in service.get("/api/v1/pipelines/?skip=1&limit=2").json] == ids[2:0:-1]


def test_a_run_begins_pending(service):
    """With an entry for each action, in their order."""
    run = service.new_run("load", "train", params={"epochs": 3}, work_dir="/somewhere/x")
    assert set(run) >= RUN
    assert (run["status"], run["params"], run["work_dir"]) == ("pending", {"epochs": 3}, "/somewhere/x")
    assert [(entry["name"], entry["status"]) for entry in run["progress"]] == [
        ("load", "pending"),
        ("train", "pending"),
    ]
    assert all(set(entry) >= ACTION for entry in run["progress"])
    assert service.get(f"/api/v1/runs/{run['id']}/").json == run


def test_a_run_without_a_body(service):
    """Params and the folder may be left out, and so may the body."""
    run = service.new_run("load")
    again = service.ask("POST", f"/api/v1/pipelines/{run['pipeline_id']}/runs/")
    assert again.status == 201
    assert again.json["params"] == {}


def test_reports_make_the_state(service):
    """Progress reports of clients as they were become events, and these the state."""
    run_id = service.new_run("load", "train")["id"]
    path = f"/api/v1/runs/{run_id}/progress"
    first = service.post(path, {"current_action": "load", "current_action_index": 0, "status": "running"}).json
    assert (first["status"], first["current_action"], first["progress"][0]["status"]) == ("running", "load", "running")
    service.post(path, {"action_progress": {"name": "load", "status": "completed"}})
    report = {"name": "train", "status": "running", "progress": 50, "total": 100, "metrics": {"loss": 0.25}}
    second = service.post(path, {"current_action": "train", "action_progress": report}).json
    load, train = second["progress"]
    assert (load["status"], load["progress"]) == ("completed", 1.0)
    assert (train["status"], train["progress"], train["metrics"]) == ("running", 0.5, {"loss": 0.25})
    assert train["categories"]["default"]["total"] == 100
    assert second["current_action_index"] == 1
    state = service.get(path).json
    assert set(state) >= PROGRESS
    assert state["overall_progress"] == 0.75
    assert state["progress"] == second["progress"]
    kinds = [event["kind"] for event in service.get(f"/api/v1/runs/{run_id}/events").json]
    assert kinds == [
        "run.created", "run.started", "action.started", "action.completed", "action.started", "action.progress",
        "action.metrics",
    ]  # fmt: skip


def test_the_same_report_again_is_no_news(service):
    """A retry of a report adds nothing."""
    run_id = service.new_run()["id"]
    report = {
        "current_action": "load",
        "status": "running",
        "action_progress": {"name": "load", "status": "running", "progress": 0.5, "message": "m", "metrics": {"a": 1}},
    }
    first = service.post(f"/api/v1/runs/{run_id}/progress", report).json
    assert service.post(f"/api/v1/runs/{run_id}/progress", report).json == first


def test_a_run_ends_once(service):
    """Its status never changes then; saying it again is fine."""
    run_id = service.new_run()["id"]
    path = f"/api/v1/runs/{run_id}"
    done = service.ask("PATCH", path, {"status": "completed", "result": {"accuracy": 0.95}})
    assert done.status == 200
    assert (done.json["status"], done.json["result"]) == ("completed", {"accuracy": 0.95})
    assert done.json["completed_at"]
    assert service.ask("PATCH", path, {"status": "completed"}).status == 200
    assert service.ask("PATCH", path, {"status": "failed", "error": "x"}).status == 409
    assert service.post(path + "/progress", {"status": "cancelled"}).status == 409
    assert service.post(path + "/cancel").status == 409
    assert service.get(path).json["status"] == "completed"


def test_a_run_fails_with_its_error(service):
    """As its reporter says."""
    run_id = service.new_run()["id"]
    run = service.ask("PATCH", f"/api/v1/runs/{run_id}", {"status": "failed", "error": "Out of memory"}).json
    assert (run["status"], run["error"]) == ("failed", "Out of memory")


def test_what_is_said_before_the_end_is_kept_for_it(service):
    """A result or an error without an end is answered with the run, and is the run's once that ends."""
    path = f"/api/v1/runs/{service.new_run()['id']}"
    said = service.ask("PATCH", path, {"result": {"score": 1}})
    assert (said.status, said.json["status"], said.json["result"]) == (200, "pending", {"score": 1})
    assert service.ask("PATCH", path, {"status": "running", "error": "nearly"}).json["error"] == "nearly"
    assert service.ask("PATCH", path, {"result": {"score": 2}}).json["status"] == "running"
    assert service.get(path).json["result"] is None
    ended = service.ask("PATCH", path, {"status": "failed"}).json
    assert (ended["result"], ended["error"]) == ({"score": 2}, "nearly")
    assert service.ask("PATCH", path, {"result": {"score": 3}}).status == 409


def test_what_one_report_says_has_happened_in_that_order(service):
    """The run has started before its action, and that before its progress: by their times, too."""
    path = f"/api/v1/runs/{service.new_run()['id']}"
    action = {"name": "load", "status": "completed", "progress": 0.5, "message": "half", "metrics": {"rows": 1}}
    service.post(path + "/progress", {"action_progress": action})
    events = service.get(path + "/events").json
    assert [event["kind"] for event in events[1:3]] == ["run.started", "action.started"]
    assert len(events) == 7
    times = [event["time"] for event in events]
    assert times == sorted(times)


def test_a_report_of_the_end_tells_what_was_given_before_too(service):
    """The result and the error are told with the run, whichever way its end is said."""
    path = f"/api/v1/runs/{service.new_run()['id']}"
    service.ask("PATCH", path, {"status": "running", "result": {"score": 1}, "error": "nearly"})
    assert service.post(path + "/progress", {"status": "running"}).json["result"] is None
    ended = service.post(path + "/progress", {"status": "failed"}).json
    assert (ended["status"], ended["result"], ended["error"]) == ("failed", {"score": 1}, "nearly")
    path = f"/api/v1/runs/{service.new_run()['id']}"
    service.ask("PATCH", path, {"error": "nearly"})
    assert service.post(path + "/progress", {"status": "failed", "error": "now"}).json["error"] == "now"


def test_cancel_ends_what_nobody_runs(service):
    """202 with the run; what ran has failed, what had not started is skipped."""
    run_id = service.new_run("load", "train")["id"]
    service.post(f"/api/v1/runs/{run_id}/progress", {"current_action": "load", "status": "running"})
    answer = service.post(f"/api/v1/runs/{run_id}/cancel/")
    assert answer.status == 202
    assert answer.json["status"] == "cancelled"
    assert [(entry["status"], entry["error"]) for entry in answer.json["progress"]] == [
        ("failed", "cancelled"),
        ("skipped", None),
    ]
    assert answer.json["progress"][0]["failure"]["type"] == "ActionCancelled"


def test_a_running_run_is_not_deleted(service):
    """Neither by itself nor with its pipeline; once it has ended it is."""
    run = service.new_run()
    path = f"/api/v1/runs/{run['id']}"
    service.post(path + "/progress", {"status": "running"})
    assert service.ask("DELETE", path).status == 409
    assert service.ask("DELETE", f"/api/v1/pipelines/{run['pipeline_id']}").status == 409
    service.ask("PATCH", path, {"status": "completed"})
    assert service.ask("DELETE", f"/api/v1/pipelines/{run['pipeline_id']}/").status == 204
    assert service.get(path).status == 404
    assert service.get(f"/api/v1/pipelines/{run['pipeline_id']}").status == 404


def test_runs_are_listed_and_filtered(service):
    """By status and pipeline, by page; the header says where the next one is."""
    run = service.new_run()
    pipeline = run["pipeline_id"]
    ids = [run["id"], *(service.post(f"/api/v1/pipelines/{pipeline}/runs/", {}).json["id"] for _ in range(4))]
    service.ask("PATCH", f"/api/v1/runs/{ids[2]}", {"status": "running"})
    listed = service.get(f"/api/v1/runs/?pipeline_id={pipeline}")
    assert [each["id"] for each in listed.json] == ids[::-1]
    assert "Link" not in listed.headers
    found = service.get(f"/api/v1/runs?pipeline_id={pipeline}&status_filter=running").json
    assert [each["id"] for each in found] == [ids[2]]
    assert found[0]["progress"][0]["name"] == "load"
    skipped = service.get(f"/api/v1/runs?pipeline_id={pipeline}&skip=3&limit=10").json
    assert [each["id"] for each in skipped] == ids[1::-1]
    assert _listed(service, f"pipeline_id={pipeline}&limit=2") == ids[::-1]


def test_runs_are_searched_for(service, monkeypatch):
    """By a part of the name or the id, in any case; what one request does not get to, the next one does."""
    monkeypatch.setattr("synapse_store.service.runs._PAGE", 2)
    monkeypatch.setattr("synapse_store.service.runs._MOST_SEARCHED", 4)
    names = ["Straße", "other", "other", "other", "other", "other", "große Straße", "other"]
    ids = []
    for name in names:
        pipeline = service.post("/api/v1/pipelines/", {"name": name, "actions": [{"name": "a", "entrypoint": "m:A"}]})
        ids.append(service.post(f"/api/v1/pipelines/{pipeline.json['id']}/runs/", {}).json["id"])
    wanted = [ids[6], ids[0]]
    for limit in (1, 2, 50):
        assert _listed(service, f"limit={limit}&search=STRASSE") == wanted
    assert _listed(service, f"view=summary&search={ids[3].upper()}") == [ids[3]]
    assert _listed(service, "search=nowhere") == []


def _listed(service, query):
    """The ids on all pages."""
    seen, path = [], f"/api/v1/runs?{query}"
    while path:
        page = service.get(path)
        seen += [each["id"] for each in page.json]
        link = re.fullmatch(r'<(.+)>; rel="next"', page.headers.get("Link", ""))
        path = link[1] if link else ""
    return seen


def test_checkpoints(service):
    """Kept with what was given; the newest of all and of an action are found; 404 where there is none."""
    run_id = service.new_run("load", "train", params={"seed": 7})["id"]
    path = f"/api/v1/runs/{run_id}/checkpoints"
    assert service.get(path + "/latest").status == 404
    assert service.get(path + "/").json == []
    body = {"action_name": "load", "action_index": 0, "status": "completed", "result": {"rows": 3}}
    first = service.post(path + "/", body)
    assert first.status == 201
    assert first.json["params_snapshot"] == {"seed": 7, "rows": 3}
    given = {"epochs": 100}
    more = {"action_name": "train", "action_index": 1, "params_snapshot": given, "artifacts_path": "/w/cp"}
    second = service.post(path, {**body, **more}).json
    assert (second["params_snapshot"], second["artifacts_path"]) == (given, "/w/cp")
    assert service.get(path).json == [first.json, second]
    assert service.get(path + "/latest/").json == second
    assert service.get(path + "/load").json == first.json
    assert service.get(path + "/nothing").status == 404
    assert service.get(f"/api/v1/runs/{run_id}").json["progress"][1]["status"] == "completed"
    assert service.post(path, {**body, "action_name": "lod"}).json["errors"][0]["path"] == "action_name"


def test_a_checkpoint_starts_its_run_and_leaves_an_ended_one_as_it_is(service):
    """The first report is a checkpoint: the run runs. The last one comes late: it is kept, and nothing else happens."""
    run_id = service.new_run("load", "train")["id"]
    path = f"/api/v1/runs/{run_id}"
    body = {"action_name": "load", "action_index": 0, "status": "completed"}
    service.post(path + "/checkpoints", body)
    assert service.get(path).json["status"] == "running"
    ended = service.ask("PATCH", path, {"status": "failed", "error": "no room"}).json
    late = service.post(path + "/checkpoints", {**body, "action_name": "train", "action_index": 1})
    assert (late.status, service.get(path + "/checkpoints/latest").json) == (201, late.json)
    assert service.get(path).json == ended


def test_a_checkpoint_is_refused_while_an_engine_holds_the_run(service):
    """The engine keeps its checkpoints itself: another one would have its action not run."""
    run_id = service.new_run()["id"]
    path = f"/api/v1/runs/{run_id}"
    service.post(path + "/lease", {"owner": "me", "ttl": 60})
    body = {"action_name": "load", "action_index": 0, "status": "completed"}
    assert service.post(path + "/checkpoints", body).status == 409
    assert service.get(path + "/checkpoints").json == []
    assert service.get(path).json["progress"][0]["status"] == "pending"


def test_logs(service):
    """Kept in order, and found by action, level and time."""
    run_id = service.new_run()["id"]
    path = f"/api/v1/runs/{run_id}/logs"
    entries = [
        {"message": "a", "level": "info", "action_name": "load", "timestamp": "2026-11-21T05:00:00+00:00"},
        {"message": "größe\u2028\x00", "level": "error", "timestamp": "2026-11-21T08:00:00+02:00"},
    ]
    made = service.post(path + "/", {"entries": entries})
    assert made.status == 201
    assert [each["message"] for each in made.json] == ["a", "größe\u2028\x00"]
    assert set(made.json[0]) >= {"id", "run_id", "action_name", "level", "message", "timestamp"}
    assert service.get(path).json == made.json
    assert service.get(path + "?level=error").json == made.json[1:]
    assert service.get(path + "?action_name=load").json == made.json[:1]
    assert service.get(path + "?since=2026-11-21T05:30:00%2B00:00").json == made.json[1:]
    assert service.get(path + "?limit=1").json == made.json[:1]
    assert service.post(path, {"entries": [{"message": "x", "level": "loud"}]}).status == 422


def test_metrics_are_thinned(service):
    """To so many points; the ends and the extremes stay."""
    run_id = service.new_run()["id"]
    values = [float(n % 10) for n in range(1000)]
    values[500] = 99.0
    events = [
        {"kind": "action.metrics", "action": "train", "payload": {"metrics": {"loss": value}, "category": None}}
        for value in values
    ]
    batch = {"producer": "p", "epoch": 1, "seq": 1, "events": events}
    assert service.post(f"/api/v1/runs/{run_id}/events", batch).status == 200
    (series,) = service.get(f"/api/v1/runs/{run_id}/metrics?action=train&name=loss&points=50").json
    assert (series["name"], series["action"], series["count"]) == ("loss", "train", 1000)
    shown = [value for _, value in series["points"]]
    assert len(shown) <= 50
    assert (shown[0], shown[-1], max(shown)) == (0.0, 9.0, 99.0)
    (whole,) = service.get(f"/api/v1/runs/{run_id}/metrics?points=1000").json
    assert [value for _, value in whole["points"]] == values


def test_batches_are_taken_once(service):
    """A batch again is acknowledged and ignored; a gap is told, an old epoch refused."""
    run_id = service.new_run()["id"]
    path = f"/api/v1/runs/{run_id}/events"

    def batch(epoch, seq, producer="p"):
        event = {"kind": "action.log", "action": "load", "payload": {"message": f"{epoch}.{seq}", "level": "info"}}
        return service.post(path, {"producer": producer, "epoch": epoch, "seq": seq, "events": [event]})

    assert batch(1, 1).json == {"seq": 2}
    assert batch(1, 1).json == {"seq": 2}
    assert batch(1, 2).json == {"seq": 3}
    gap = batch(1, 4)
    assert (gap.status, gap.json["expected"]) == (409, 3)
    assert batch(2, 1).json == {"seq": 4}
    assert batch(1, 3).status == 409
    assert batch(1, 1, "another").json == {"seq": 5}
    logs = [each["message"] for each in service.get(f"/api/v1/runs/{run_id}/logs").json]
    assert logs == ["1.1", "1.2", "2.1", "1.1"]


def test_an_engine_fences_its_run(service):
    """Who reports beside it, or with an old epoch, is refused."""
    run_id = service.new_run()["id"]
    path = f"/api/v1/runs/{run_id}"
    lease = service.post(path + "/lease", {"owner": "me", "ttl": 60}).json
    refused = service.post(path + "/lease", {"owner": "you", "ttl": 60})
    assert (refused.status, refused.json["lease"]["owner"]) == (409, "me")
    assert service.ask("PATCH", path, {"status": "completed"}).status == 409
    taken = service.post(path + "/lease", {"owner": "you", "ttl": 60, "over": lease}).json
    assert taken["epoch"] > lease["epoch"]
    batch = {"producer": "me", "epoch": 1, "seq": 1, "events": [{"kind": "run.started"}], "lease": lease}
    assert service.post(path + "/events", batch).status == 409
    assert service.ask("PATCH", path + "/lease", {"owner": "me", "epoch": lease["epoch"], "ttl": 60}).status == 409
    assert service.ask("DELETE", f"{path}/lease?owner=you&epoch={taken['epoch']}").status == 204
    assert service.get(path + "/lease").json is None


def test_statuses_are_those_of_the_core(service):
    """A status that is none is said to be wrong."""
    run_id = service.new_run()["id"]
    for status in RunStatus:
        assert service.get(f"/api/v1/runs?status_filter={status.value}").status == 200
    assert service.get("/api/v1/runs?status_filter=happy").status == 422
    answer = service.ask("PATCH", f"/api/v1/runs/{run_id}", {"status": "happy"})
    assert (answer.status, answer.json["errors"][0]["path"]) == (422, "status")


def test_prometheus(service):
    """Counts by path, never by id."""
    run_id = service.new_run()["id"]
    service.get(f"/api/v1/runs/{run_id}")
    text = service.get("/metrics").body.decode()
    assert 'synapse_requests_total{method="GET",path="/api/v1/runs/{run_id}",status="200"}' in text
    assert run_id not in text


def test_the_front_page_names_the_api(service):
    """Under a policy that lets nothing of others in."""
    answer = service.get("/")
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
