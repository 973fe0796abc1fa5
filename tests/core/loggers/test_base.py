"""The ways to say something, and what comes out of them as events."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.events import Kind
from synapse_core.loggers import BaseLogger, NoOpLogger, ProgressData
from synapse_core.loggers.progress import Pace
from synapse_core.models import LogLevel
from tests.core.loggers.helpers import Recorder

finite = st.floats(min_value=0, max_value=1e9)


@pytest.fixture
def log():
    return Recorder()


class TestLog:
    @pytest.mark.parametrize("level", list(LogLevel))
    def test_each_level_has_a_method(self, log, level):
        """``logger.info`` and its kin give a log event of that level."""
        getattr(log, level.value)("hello")
        assert log.events == [(Kind.ACTION_LOG, {"level": level.value, "message": "hello"})]

    def test_arguments_are_formatted_and_named_ones_are_data(self, log):
        """``%``-arguments go into the message, as in the standard library; named ones into the data."""
        log.info("%s is %d%%", "loss", 3, step=1, message="any name will do", self=2)
        assert log.last == {
            "level": "info",
            "message": "loss is 3%",
            "data": {"step": 1, "message": "any name will do", "self": 2},
        }
        log.info("%(a)s", {"a": 1})
        assert log.last["message"] == "1"

    @pytest.mark.parametrize(
        ("message", "args", "wanted"),
        [
            ("50% done", (), "50% done"),
            ("100%!", (3,), "100%! 3"),
            ("%d epochs", ("many",), "%d epochs 'many'"),
            ("%s and %s", (1,), "%s and %s 1"),
            ("none", (1, 2), "none 1 2"),
            (ValueError("as it is"), (), "as it is"),
            (b"\xff", (), "b'\\xff'"),
            ("\udcff", (), "\\udcff"),
        ],
    )
    def test_bad_formats_are_put_side_by_side(self, log, message, args, wanted):
        """A format that does not fit its arguments loses nothing and raises nothing."""
        log.warning(message, *args)
        assert log.last["message"] == wanted

    @given(st.text(), st.lists(st.integers() | st.text() | st.dictionaries(st.text(), st.text())))
    def test_no_format_raises(self, message, args):
        """Whatever is logged, one event with a text comes out."""
        log = Recorder()
        log.info(message, *args)
        assert isinstance(log.last["message"], str)

    def test_an_object_that_cannot_be_shown(self, log):
        """A message whose ``str`` raises is told by its type."""

        class Odd:
            def __str__(self):
                raise RuntimeError

            __repr__ = __str__

        log.error(Odd())
        assert log.last["message"] == "<Odd, whose repr fails>"

    def test_exception_carries_the_traceback(self, log):
        """``exception`` and ``exc_info=True`` keep the traceback as data."""
        try:
            raise ValueError("here")
        except ValueError as error:
            log.exception("it failed", step=2)
            log.error("again", exc_info=error)
        for _, payload in log.events:
            assert payload["level"] == "error"
            assert "ValueError: here" in payload["data"]["traceback"]
        assert log.events[0][1]["data"]["step"] == 2

    def test_events_messages_and_dev_events(self, log):
        """A structured event, a message to the user, and an event for developers."""
        log.log("item_done", {"index": 3}, level=LogLevel.WARNING)
        log.log_message("almost there")
        log.log_dev_event("saved", {"path": "x"})
        log.log_dev_event("saved")
        assert log.events == [
            (Kind.ACTION_LOG, {"level": "warning", "message": "item_done", "data": {"index": 3}}),
            (Kind.ACTION_MESSAGE, {"level": "info", "message": "almost there"}),
            (Kind.ACTION_LOG, {"level": "debug", "message": "saved", "data": {"event": "saved", "path": "x"}}),
            (Kind.ACTION_LOG, {"level": "debug", "message": "saved", "data": {"event": "saved"}}),
        ]

    def test_data_that_is_no_mapping(self, log):
        """A list or a number in place of a mapping is kept as ``value``."""
        log.log("odd", [1, 2])
        assert log.last["data"] == {"value": [1, 2]}
        log.log_dev_event("odd", 3)
        assert log.last["data"] == {"event": "odd", "value": 3}

    @pytest.mark.parametrize(
        ("level", "wanted"), [("ERROR", "error"), ("warn", "warning"), (40, "error"), ("loud", "info"), (None, "info")]
    )
    def test_levels_by_other_names(self, log, level, wanted):
        """Levels are taken as people write them; an unknown one is info."""
        log.log("x", level=level)
        assert log.last["level"] == wanted

    def test_end_log(self, log):
        """The last word, if there is one, is a message."""
        log.end_log()
        log.end_log("done")
        assert log.events == [(Kind.ACTION_MESSAGE, {"level": "info", "message": "done"})]


class TestMetrics:
    def test_metrics_are_json_data(self, log):
        """Foreign numbers become Python's, and ``nan`` the string that stands for it."""
        log.set_metrics({"loss": float("nan"), "n": 3, "flag": True}, category="train")
        assert log.events == [
            (Kind.ACTION_METRICS, {"category": "train", "metrics": {"loss": "nan", "n": 3, "flag": True}})
        ]
        json.dumps(log.last, allow_nan=False)

    def test_what_is_no_mapping_is_told(self, log):
        """A metric without a name is a warning in the log, not an exception."""
        log.set_metrics(0.5)
        assert log.last["level"] == "warning"
        assert "0.5" in log.last["message"]


class TestProgress:
    def test_the_event(self, log):
        """Current, total and category, as they were given."""
        log.set_progress(1, 10)
        log.set_progress(2.5, None, "train")
        assert log.events == [
            (Kind.ACTION_PROGRESS, {"category": None, "current": 1, "total": 10}),
            (Kind.ACTION_PROGRESS, {"category": "train", "current": 2.5, "total": None}),
        ]

    @pytest.mark.parametrize("current", [float("nan"), float("inf"), "half", None, [1]])
    def test_nonsense_is_told_and_else_ignored(self, log, current):
        """A current that is no finite number is a warning in the log."""
        log.set_progress(current, 10)
        assert [kind for kind, _ in log.events] == [Kind.ACTION_LOG]
        assert log.last["level"] == "warning"
        assert log.get_progress() == ProgressData()

    @pytest.mark.parametrize("total", [float("inf"), float("nan"), "many", None])
    def test_an_unknown_total(self, log, total):
        """A total that is no finite number is not known."""
        log.set_progress(1, total)
        assert log.last["total"] is None
        assert log.get_progress().percent == 0

    def test_get_progress(self, log):
        """Each category is counted for itself; without one, that without a category or else the newest."""
        assert log.get_progress() == ProgressData()
        log.set_progress(1, 4, "load")
        log.set_progress(1, 2, "train")
        assert log.get_progress("load").percent == 25
        assert log.get_progress().total == 2
        log.set_progress(3, 4)
        log.set_progress(2, 2, "train")
        assert log.get_progress().current == 3
        assert log.get_progress("unheard of") == ProgressData()

    def test_one_logger_from_many_threads(self, log):
        """The first reports of many threads at once are all there."""
        barrier = threading.Barrier(8)

        def report(name):
            barrier.wait()
            log.set_progress(1, 2, name)

        threads = [threading.Thread(target=report, args=(str(n),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(log.get_progress(str(n)).current == 1 for n in range(8))
        assert len(log.events) == 8

    def test_a_subclass_needs_no_init_and_may_have_slots(self):
        """Nothing of a logger's state is made before it is needed."""

        class Slim(BaseLogger):
            __slots__ = ()

            def emit(self, kind, payload):
                pass

        slim = Slim()
        assert not hasattr(slim, "__dict__")
        slim.set_progress(1, 2)
        assert slim.get_progress().percent == 50

    def test_emit_is_all_that_is_abstract(self):
        """A subclass has this one method to write."""
        assert BaseLogger.__abstractmethods__ == {"emit"}

    def test_no_op_logger_keeps_count(self):
        """Saying nothing to anybody, it still knows how far things are."""
        quiet = NoOpLogger()
        quiet.info("x")
        quiet.set_progress(1, 4)
        assert quiet.get_progress().percent == 25


class TestPace:
    def test_rate_and_time_left(self):
        """Ten units in five seconds make two a second, and forty more take twenty seconds."""
        pace = Pace.first(0, 50, at=100.0).then(10, 50, at=105.0)
        assert pace.data(now=106.0) == ProgressData(10, 50, 20.0, elapsed=6.0, rate=2.0, time_remaining=20.0)

    def test_one_report_tells_no_rate(self):
        """A rate needs two reports, and time between them."""
        assert Pace.first(5, 10, at=1.0).data(now=2.0) == ProgressData(5, 10, 50.0, elapsed=1.0)
        assert Pace.first(5, 10, at=1.0).then(6, 10, at=1.0).data(now=2.0).rate is None

    def test_going_back_starts_anew(self):
        """A new epoch has a rate of its own."""
        pace = Pace.first(0, 10, at=0.0).then(10, 10, at=10.0).then(0, 10, at=20.0).then(5, 10, at=21.0)
        assert pace.data(now=21.0).rate == 5.0

    @given(st.lists(st.tuples(finite, st.none() | finite, st.floats(0, 1e6)), min_size=1))
    def test_never_out_of_bounds(self, reports):
        """Whatever is reported, percent is 0 to 100 and nothing is negative."""
        at = 0.0
        pace = Pace.first(reports[0][0], reports[0][1], at)
        for current, total, step in reports[1:]:
            at += step
            pace = pace.then(current, total, at)
        data = pace.data(now=at)
        assert 0 <= data.percent <= 100
        assert data.elapsed >= 0
        assert data.rate is None or data.rate > 0
        assert data.time_remaining is None or data.time_remaining >= 0
