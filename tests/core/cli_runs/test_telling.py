"""``synapse runs logs`` and ``events``."""

from __future__ import annotations

from tests.core.cli_runs.helpers import FAILING, FAN_OUT, WORK, Place, load, wait


def test_logs(place: Place) -> None:
    """What actions have said, in order, a line each, with the level unless it is a message."""
    done = place.runs("logs", place.ran(WORK, {"source": "here"}))
    assert (done.code, done.err) == (0, "")
    assert [line[9:] for line in done.out.splitlines()] == [
        "load   loading",
        "load   DEBUG  from here",
        "load   WARNING  slowly",
    ]


def test_logs_of_a_level_an_action_and_a_time(place: Place) -> None:
    """Filters; the last lines only."""
    run_id = place.ran(FAN_OUT, {"numbers": [4, 5, 6]})

    def messages(*words: str) -> list[str]:
        return [entry["message"] for entry in place.runs("logs", run_id, "--json", *words).lines]

    assert sorted(messages()) == ["squaring 4", "squaring 5", "squaring 6"]
    assert messages("--action", "square[1]") == ["squaring 5"]
    assert len(messages("--action", "square")) == 3
    assert messages("--level", "warning") == []
    assert messages("--since", "2999-01-01") == []
    assert messages("--tail", "2") == messages()[1:]
    warned = place.runs("logs", place.ran([load]), "--json", "--level", "warning").lines
    assert [(entry["level"], entry["message"]) for entry in warned] == [("warning", "slowly")]


def test_an_action_that_the_run_does_not_have_is_refused(place: Place) -> None:
    """By logs, events and metrics alike; the nearest name is told."""
    run_id = place.ran(FAN_OUT, {"numbers": [4]})
    for word in ("logs", "events", "metrics"):
        done = place.runs(word, run_id, "--action", "squ")
        assert (done.code, done.out) == (2, "")
        assert f"error: run {run_id}: no action 'squ'; did you mean 'square'?" in done.err


def test_where_there_is_nothing_that_is_said(place: Place) -> None:
    """To people; programs get no line."""
    run_id = place.ran([load])
    assert place.runs("logs", run_id, "--level", "error").err == "no such entries\n"
    assert place.runs("events", run_id, "--after", "999").err == "no such events\n"
    assert place.runs("logs", run_id, "--level", "error", "--json").err == ""


def test_log_entries_name_what_the_service_names(place: Place) -> None:
    """The fields of the service's API."""
    run_id = place.ran([load])
    first = place.runs("logs", run_id, "--json").lines[0]
    assert {key: first[key] for key in ("run_id", "action_name", "level", "message")} == {
        "run_id": run_id,
        "action_name": "load",
        "level": "info",
        "message": "loading",
    }
    assert first["timestamp"].endswith("+00:00")
    assert first["id"] != place.runs("logs", run_id, "--json").lines[1]["id"]


def test_events(place: Place) -> None:
    """All of them, as the run wrote them."""
    run_id = place.ran(FAILING)
    events = place.runs("events", run_id, "--json").lines
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events == [event.to_dict() for event in place.session.stream_events(run_id)]
    lines = place.runs("events", run_id).out.splitlines()
    assert len(lines) == len(events)
    assert lines[0].split()[2:5] == ["run.created", '{"name":', '"pipeline",']
    assert any("action.failed         fail #2" in line for line in lines)


def test_events_of_a_kind_an_action_and_a_place(place: Place) -> None:
    """Filters; no more than a number of them."""
    run_id = place.ran(FAILING)

    def events(*words: str) -> list[tuple[str, str | None]]:
        return [(e["kind"], e["action"]) for e in place.runs("events", run_id, "--json", *words).lines]

    assert events("--kind", "action.failed", "--kind", "action.retrying") == [
        ("action.retrying", "fail"),
        ("action.failed", "fail"),
    ]
    assert {action for _, action in events("--action", "load")} == {"load"}
    assert events("--limit", "2") == [("run.created", None), ("run.started", None)]
    assert events("--after", "1", "--limit", "1") == [("run.started", None)]
    done = place.runs("events", run_id, "--kind", "action.failing")
    assert done.code == 2


def test_following_ends_with_the_run(place: Place) -> None:
    """What is there, then what comes, each once, to the run's last event."""
    run_id = place.session.submit([load, wait])
    with place.cancelled_when_waiting(run_id):
        events = place.runs("events", run_id, "--json", "--follow").lines
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "run.cancelled"
    logs = place.runs("logs", run_id, "--follow")
    assert logs.out.splitlines()[-1].endswith("wait  waiting")


def test_following_a_run_that_nobody_runs_ends(place: Place) -> None:
    """Nothing will come: that is said, and the exit code tells."""
    run_id = place.orphan(WORK, done={})
    done = place.runs("events", run_id, "--follow")
    assert done.code == 1
    assert len(done.out.splitlines()) == 4
    assert "its engine is gone" in done.err
