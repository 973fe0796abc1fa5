"""Streams: the state at each change, every event once, and readers that do not read."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack

import pytest

from synapse_core.events import Event
from synapse_core.fold import fold
from synapse_core.testing import wait_until
from synapse_store.service.settings import Settings
from synapse_store.sqlite.store import SQLiteStore
from synapse_store.wire.codec import progress_to_data
from tests.store.service.streaming import stream
from tests.store.serving import served


@pytest.fixture
def service():
    with served() as running:
        yield running


def _log(service, run_id, seq, *messages, producer="p"):
    events = [{"kind": "action.log", "action": "load", "payload": {"message": m, "level": "info"}} for m in messages]
    batch = {"producer": producer, "epoch": 1, "seq": seq, "events": events}
    assert service.post(f"/api/v1/runs/{run_id}/events", batch).status == 200


def _end(service, run_id, status="completed"):
    assert service.ask("PATCH", f"/api/v1/runs/{run_id}", {"status": status}).status == 200


def test_the_state_now_then_each_change_then_the_end(service):
    """``progress`` while it goes on, then how it ended; ``id`` is the seq, ``retry`` is said once."""
    run_id = service.new_run()["id"]
    with stream(service, f"/api/v1/runs/{run_id}/progress/stream/") as reader:
        head = reader.head.lower()
        assert "content-type: text/event-stream" in head
        assert "cache-control: no-cache" in head
        assert "x-accel-buffering: no" in head
        message, state = reader.state()
        assert (message.event, message.id, state["status"]) == ("progress", "1", "pending")
        service.post(f"/api/v1/runs/{run_id}/progress", {"status": "running", "current_action": "load"})
        message, state = reader.state()
        assert (message.event, message.id, state["current_action"]) == ("progress", "3", "load")
        _end(service, run_id)
        message, state = reader.state()
        assert (message.event, message.id, state["status"]) == ("completed", "4", "completed")
        assert list(reader) == []
        assert reader.raw.count(b"retry: 2000") == 1


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_other_ends(service, status):
    """Are named."""
    run_id = service.new_run()["id"]
    with stream(service, f"/api/v1/runs/{run_id}/progress/stream") as reader:
        next(reader)
        _end(service, run_id, status)
        assert [message.event for message in reader] == [status]


def test_who_has_seen_the_end_is_told_so(service):
    """204, so that an EventSource stops; by header or query. Who has not gets it."""
    run_id = service.new_run()["id"]
    _end(service, run_id)
    last = service.get(f"/api/v1/runs/{run_id}/progress").json["seq"]
    for kind in ("progress", "events"):
        path = f"/api/v1/runs/{run_id}/{kind}/stream"
        assert service.get(path, Last_Event_ID=str(last)).status == 204
        assert service.get(f"{path}?last_event_id={last}").status == 204
        with stream(service, path, f"Last-Event-ID: {last - 1}") as reader:
            assert [message.event for message in reader][-1] == "completed"


def test_every_event_from_any_place(service):
    """What was and what comes, each once and in order; then the state at the end."""
    run_id = service.new_run()["id"]
    _log(service, run_id, 1, *(f"old {n}" for n in range(3000)))
    with ExitStack() as stack:
        readers = [
            stack.enter_context(stream(service, f"/api/v1/runs/{run_id}/events/stream?after={after}"))
            for after in (0, 2990, 3001)
        ]
        for batch in range(2, 30):
            _log(service, run_id, batch, *(f"new {batch}.{n}" for n in range(10)))
        _end(service, run_id)
        for reader, after in zip(readers, (0, 2990, 3001), strict=True):
            *events, last = reader
            found = [json.loads(message.data) for message in events]
            assert [each["seq"] for each in found] == list(range(after + 1, 3001 + 280 + 3))
            assert [message.id for message in events] == [str(each["seq"]) for each in found]
            assert last.event == "completed"
            if after == 0:
                assert json.loads(last.data) == json.loads(
                    json.dumps(progress_to_data(fold(map(Event.from_dict, found))))
                )


def test_events_resume_with_the_next(service):
    """After the last that was seen, whatever the address says."""
    run_id = service.new_run()["id"]
    _log(service, run_id, 1, *"abcdef")
    with stream(service, f"/api/v1/runs/{run_id}/events/stream?after=0", "Last-Event-ID: 5") as reader:
        assert [next(reader).id for _ in range(2)] == ["6", "7"]


def test_some_kinds_only(service):
    """And the end, which is told to all."""
    run_id = service.new_run()["id"]
    path = f"/api/v1/runs/{run_id}/events/stream?kind=run.started&kind=run.completed"
    with stream(service, path) as reader:
        _log(service, run_id, 1, "a", "b")
        _end(service, run_id)
        events = list(reader)
    assert [json.loads(m.data)["kind"] for m in events[:-1]] == ["run.started", "run.completed"]


def test_several_runs_over_one_stream(service):
    """Each event names its run; when all have ended the stream does, and is not begun again."""
    ids = [service.new_run()["id"] for _ in range(3)]
    path = "/api/v1/stream?" + "&".join(f"run={run_id}" for run_id in ids)
    with stream(service, path) as reader:
        assert {reader.state()[1]["run_id"] for _ in ids} == set(ids)
        for run_id in ids:
            _end(service, run_id)
        ends = list(reader)
    assert {json.loads(m.data)["run_id"] for m in ends} == set(ids)
    assert {m.event for m in ends} == {"completed"}
    assert service.get(path, Last_Event_ID=ends[-1].id).status == 204


def test_one_of_several_runs_is_gone(service):
    """It is named, whether there never was one or it is deleted while the others go on."""
    gone, stays = service.new_run()["id"], service.new_run()["id"]
    unknown = service.get(f"/api/v1/stream?run={stays}&run=nobody")
    assert (unknown.status, unknown.json["detail"]) == (404, "there is no run 'nobody'")
    with stream(service, f"/api/v1/stream?run={gone}&run={stays}") as reader:
        assert {reader.state()[1]["run_id"] for _ in range(2)} == {gone, stays}
        assert service.ask("DELETE", f"/api/v1/runs/{gone}").status == 204
        message, data = reader.state()
        assert (message.event, data["run_id"], data["status"]) == ("error", gone, 404)
        _end(service, stays)
        assert reader.state()[0].event == "completed"


def test_runs_by_status_come_as_they_start(service):
    """Runs that come into the status later are in the stream, too."""
    first, second = service.new_run()["id"], service.new_run()["id"]
    service.post(f"/api/v1/runs/{first}/progress", {"status": "running"})
    with stream(service, "/api/v1/stream?status=running") as reader:
        assert reader.state()[1]["run_id"] == first
        service.post(f"/api/v1/runs/{second}/progress", {"status": "running"})
        assert reader.state()[1]["run_id"] == second


def test_a_deleted_run_ends_its_streams(service):
    """With an ``error``; asked for again it is not found."""
    run_id = service.new_run()["id"]
    path = f"/api/v1/runs/{run_id}/progress/stream"
    with stream(service, path) as reader:
        next(reader)
        assert service.ask("DELETE", f"/api/v1/runs/{run_id}").status == 204
        message, data = reader.state()
    assert (message.event, data["status"]) == ("error", 404)
    assert service.get(path).status == 404


def test_what_another_process_writes_is_seen(tmp_path):
    """Another writer of the same file stands for it: the service is not told, and looks."""
    with served(SQLiteStore(tmp_path / "runs.db")) as service:
        run_id = service.new_run()["id"]
        with stream(service, f"/api/v1/runs/{run_id}/events/stream?after=1") as reader:
            _write_elsewhere(tmp_path / "runs.db", run_id)
            assert [json.loads(next(reader).data)["kind"] for _ in range(2)] == ["action.log", "run.started"]


def _write_elsewhere(path, run_id):
    code = (
        "import asyncio, sys\n"
        "from synapse_store.sqlite.store import SQLiteStore\n"
        "from synapse_core.testing.store.samples import draft, log\n"
        "async def main():\n"
        "    store = SQLiteStore(sys.argv[1])\n"
        "    await store.append(sys.argv[2], [log(1), draft('run.started')])\n"
        "    await store.aclose()\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path), run_id], check=True)


def test_heartbeats():
    """A comment, when nothing is to be told."""
    with served(settings=Settings(heartbeat=0.05)) as service:
        run_id = service.new_run()["id"]
        with stream(service, f"/api/v1/runs/{run_id}/progress/stream") as reader:
            next(reader)
            assert reader._chunk() == b":\n\n"
            assert reader._chunk() == b":\n\n"


def test_a_reader_that_does_not_read_delays_nobody():
    """Others get all at once; what waits for it stays small, and in the end it gets the last state."""
    with served() as service:
        run_id = service.new_run()["id"]
        path = f"/api/v1/runs/{run_id}"
        with (
            stream(service, path + "/progress/stream", receive=4096) as stuck,
            stream(service, path + "/events/stream", receive=4096) as stuck_too,
            stream(service, path + "/events/stream") as quick,
        ):
            text = "x" * 10_000
            for number in range(1, 201):
                payload = {"message": f"{number} {text}", "level": "info"}
                event = {"kind": "action.message", "action": "load", "payload": payload}
                batch = {"producer": "p", "epoch": 1, "seq": number, "events": [event]}
                assert service.post(path + "/events", batch).status == 200
            assert [int(next(quick).id) for _ in range(201)] == list(range(1, 202))
            _end(service, run_id)
            states = list(stuck)
            assert states[-1].event == "completed"
            assert len(states) < 100, "a reader that is behind skips states"
            assert len(list(stuck_too)) == 201 + 2 + 1, "but no events"


def test_there_are_only_so_many_streams():
    """503 with when to try again; one that ends makes room."""
    with served(settings=Settings(max_streams=2, heartbeat=0.05)) as service:
        run_id = service.new_run()["id"]
        path = f"/api/v1/runs/{run_id}/progress/stream"
        with stream(service, path) as first, stream(service, path) as second:
            next(first), next(second)
            refused = service.get(path)
            assert refused.status == 503
            assert refused.headers["Retry-After"]
            second.sock.close()

            def admitted():
                with stream(service, path) as third:
                    return third.status == 200

            assert wait_until(admitted, "room")


def test_a_service_that_ends_ends_its_streams():
    """At once, and without an error."""
    with ExitStack() as stack:
        with served() as service:
            run_id = service.new_run()["id"]
            reader = stack.enter_context(stream(service, f"/api/v1/runs/{run_id}/progress/stream"))
            next(reader)
        assert list(reader) == []
