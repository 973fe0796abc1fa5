"""What a row says, and how the rows look in the terminal and as Markdown."""

from __future__ import annotations

import pytest

from benchmarks.rows import HEADINGS, Row, shown
from benchmarks.tables import as_markdown, as_text


def row(ours=(1e-6,), bare=(1e-6,), *, target=None, name="work", unit="s", missing="", times=None):
    return Row(name, "Some work.", "bare work", unit, target, ours, bare, missing, times)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 ns"),
        (3.2149e-9, "s", "3.21 ns"),
        (2.5e-6, "s", "2.5 µs"),
        (999e-6, "s", "999 µs"),
        (0.9999e-3, "s", "1000 µs"),
        (0.15, "s", "150 ms"),
        (12.3456, "s", "12.3 s"),
        (1234.5, "s", "1230 s"),
        (512, "B", "512 B"),
        (13.6 * 2**20, "B", "13.6 MiB"),
        (-4096, "B", "-4 KiB"),
    ],
)
def test_a_value_is_shown_in_the_multiple_that_suits_it(value, unit, text):
    """Three digits, never an exponent."""
    assert shown(value, unit) == text


@pytest.mark.parametrize(
    ("ours", "target", "verdict"),
    [
        ((1e-6, 2e-6, 3e-6), 2e-6, "yes"),
        ((1e-6, 2e-6, 3e-6), 1.5e-6, "no, but its best does"),
        ((1e-6, 2e-6, 3e-6), 0.5e-6, "no"),
        ((1e-6, 2e-6, 3e-6), None, "–"),
    ],
)
def test_the_median_decides_whether_a_target_holds(ours, target, verdict):
    """And where only the best sample holds it, that is told."""
    assert row(ours, target=target).verdict == verdict


@pytest.mark.parametrize(("times", "verdict"), [(2.0, "yes"), (1.9, "no, but its best does"), (1.0, "no")])
def test_a_target_may_be_a_multiple_of_the_bare_parts(times, verdict):
    """The medians' ratio decides, and what was asked for is shown so."""
    measured = row((1.5e-6, 2e-6, 3e-6), (1e-6, 1e-6, 2e-6), times=times)
    assert measured.verdict == verdict
    assert measured.cells()[5] == f"≤ {times:g} ×"
    assert row(missing="not here", times=times).cells()[5:] == (f"≤ {times:g} ×", "not here")


def test_a_row_shows_both_sides_and_their_ratio():
    """Median, best, the bare parts' median, how many times as much, the target."""
    cells = row((1e-6, 2e-6, 9e-6), (0.5e-6,) * 3, target=4e-6).cells()
    assert cells == ("work", "2 µs ~", "1 µs", "500 ns", "4 ×", "≤ 4 µs", "yes")


def test_a_figure_bound_by_noise_is_marked():
    """From quartiles 1.5 × apart on."""
    quiet, noisy = row((1.0, 1.0, 1.1, 1.1)), row((1.0, 1.0, 1.6, 1.7))
    assert "~" not in quiet.cells()[1]
    assert noisy.cells()[1].endswith(" ~")


def test_a_limit_of_nothing_has_no_ratio():
    """Memory may not grow at all."""
    assert row((4096.0,), (0.0,), unit="B").cells()[3:5] == ("0 B", "–")


def test_a_row_without_figures_says_why():
    """What is not installed is no reason to stop."""
    assert row((), (), target=1.0, missing="there is no synapse").cells()[-2:] == ("≤ 1 s", "there is no synapse")


def test_the_columns_of_the_table_line_up():
    """Each heading ends, or begins, where its cells do."""
    head, *lines = as_text([row(name="a"), row(name="a longer name", ours=(0.25,), target=0.2)]).splitlines()[:3]
    assert head.split() == [heading for heading in HEADINGS if heading]
    for heading in HEADINGS[1:-1]:
        end = head.index(heading) + len(heading)
        assert all(line[end - 1] != " " and line[end] == " " for line in lines)


def test_the_page_is_markdown_with_one_table():
    """Facts, table and what each row means; a bar in a name breaks no column."""
    page = as_markdown("Benchmarks: x", {"Date": "2026-11-21"}, [row(name="a|b"), row(name="c")])
    lines = page.splitlines()
    assert lines[0] == "# Benchmarks: x"
    assert "- Date: 2026-11-21" in lines
    table = [line for line in lines if line.startswith("|")]
    assert [line.replace("\\|", "").count("|") for line in table] == [len(HEADINGS) + 1] * 4
    assert "- **c.** Some work. Limit: bare work." in lines
