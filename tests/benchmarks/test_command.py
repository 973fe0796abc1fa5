"""``python -m benchmarks``: lists, measures, saves."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.machine import described
from benchmarks.running import measure
from benchmarks.suite import Suite, Theme, Unavailable, Work
from benchmarks.timing import once, per_call, run


def toy(log):
    """A suite of three rows that notes what is done."""
    theme = Theme()

    @theme.measures("one", bare="less", target=1.0)
    def one():
        """What one does."""
        log.append("set up")
        yield Work(lambda: log.append("ours") or 1.0, lambda: log.append("bare") or 0.5)
        log.append("cleaned up")

    @theme.measures("two", bare="nothing", most=2)
    def two():
        """What two does."""
        yield Work(lambda: 2.0, lambda: 1.0)

    @theme.measures("three", bare="nothing")
    def three():
        """What three does."""
        if log is not None:
            raise Unavailable("no such thing here")
        yield Work(lambda: 3.0, lambda: 1.0)

    return Suite("toy", "toys", (theme,))


def test_the_two_sides_are_sampled_in_turn_after_a_warm_up():
    """And the setup cleans up after itself."""
    log: list[str] = []
    (row,) = measure(toy(log).matching("one"), 2, log.append)
    assert log == ["one …", "set up", *["ours", "bare"] * 3, "cleaned up"]
    assert (row.ours, row.bare, row.holds) == ((1.0, 1.0), (0.5, 0.5), True)


def test_a_row_may_be_repeated_less_or_not_at_all():
    """What takes seconds has a bound, and what is not here says so."""
    rows = {row.name: row for row in measure(toy([]).matching(""), 5, lambda text: None)}
    assert len(rows["one"].ours) == 5
    assert len(rows["two"].ours) == 2
    assert rows["three"].missing == "no such thing here"


def test_without_a_name_the_suites_are_listed(capsys):
    """With a word about each."""
    assert command.main([]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == command.names()
    assert "core" in names


def test_the_core_is_measured(capsys):
    """Real rows of the real suite; figures, not their values."""
    assert command.main(["core", "--repeats", "1", "--only", "200 actions"]) == 0
    out, err = capsys.readouterr()
    assert [line[:12] for line in out.splitlines()[1:3]] == ["200 actions "] * 2
    assert err.splitlines() == ["200 actions in a module …", "200 actions in a source file …"]


def test_what_is_saved_names_no_host_and_no_path(tmp_path, monkeypatch, capsys):
    """The page is committed: what it was measured on, and nothing of whose it is."""
    monkeypatch.setattr(command, "_RESULTS", tmp_path / "results")
    monkeypatch.setattr(command, "suite", lambda name: toy([]))
    assert command.main(["core", "--save", "--repeats", "1"]) == 0
    page = (tmp_path / "results" / "toy.md").read_text(encoding="utf-8")
    assert "| one | 1 s | 1 s | 500 ms | 2 × | ≤ 1 s | yes |" in page
    assert f"- CPU: {described()['CPU']}" in page
    assert platform.node() not in page
    assert str(Path.cwd()) not in page


def test_part_of_a_table_is_not_saved(capsys):
    """It would take the place of the whole."""
    assert command.main(["core", "--save", "--only", "import"]) == 2
    assert "--only" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], ["core", "--repeats", "0"], ["core", "--repeats", "few"]])
def test_arguments_that_make_no_sense_are_refused(arguments, capsys):
    """With the usual exit code."""
    with pytest.raises(SystemExit) as end:
        command.main(arguments)
    assert end.value.code == 2


def test_a_program_that_fails_or_is_not_there_is_unavailable():
    """The reason is the last thing it said."""
    with pytest.raises(Unavailable, match="there is no nowhere beside this Python"):
        run(["/nowhere"])
    with pytest.raises(Unavailable, match="sh failed: broken"):
        run(["/bin/sh", "-c", "echo broken >&2; exit 3"])


def test_samples_are_seconds_a_call():
    """Each call is made, and counted."""
    calls = []
    assert per_call(lambda: calls.append(1), 10)() > 0
    assert once(lambda: calls.append(1), parts=5)() > 0
    assert len(calls) == 11


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_row_of_the_core_can_be_measured():
    """Once each; the targets are for a quiet machine, so they are not asserted."""
    rows = list(measure(command.suite("core").matching(""), 1, print))
    assert [row.name for row in rows if row.missing] == []
    assert all(row.about.endswith(".") for row in rows)
