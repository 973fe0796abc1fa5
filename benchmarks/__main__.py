"""``python -m benchmarks``: the suites; ``python -m benchmarks NAME``: what one measures now."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import benchmarks
from benchmarks import scale
from benchmarks.machine import described, load
from benchmarks.rows import Row
from benchmarks.running import measure
from benchmarks.suite import Suite
from benchmarks.tables import as_markdown, as_text

_RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say; the exit code is 2 where they make no sense, else 0."""
    options = _parser().parse_args(arguments)
    if options.name is None:
        for name in names():
            print(f"{name:8} {suite(name).about}")
        return 0
    if options.save and options.only:
        print("--save wants the whole table: leave out --only", file=sys.stderr)
        return 2
    scale.full = options.full
    _run(suite(options.name), options.repeats, options.only, options.save)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description="Measure Synapse beside its bare parts.")
    parser.add_argument("name", nargs="?", choices=names(), help="what to measure; without it the names are listed")
    parser.add_argument("--repeats", type=_positive, default=9, metavar="N", help="samples a row (%(default)s)")
    parser.add_argument("--only", default="", metavar="WORD", help="only the rows with WORD in their name")
    parser.add_argument("--full", action="store_true", help="at full size, where a smaller one is measured otherwise")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/NAME.md, or NAME-full.md")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def names() -> list[str]:
    """The suites there are: the packages in this one that have a ``SUITE``."""
    return [info.name for info in pkgutil.iter_modules(benchmarks.__path__) if info.ispkg]


def suite(name: str) -> Suite:
    """The suite of that name."""
    found: Suite = import_module(f"benchmarks.{name}").SUITE
    return found


def _run(chosen: Suite, repeats: int, only: str, save: bool) -> None:
    before = load()
    measurements = chosen.matching(only)
    rows = list(measure(measurements, repeats, lambda text: print(text, file=sys.stderr, flush=True)))
    print(as_text(rows))
    if save:
        facts = {"Date": f"{datetime.now(UTC):%Y-%m-%d}", **described(), "Repeats": str(repeats)}
        facts.update({"Size": "full"} if scale.full else {})
        facts["Load"] = f"{before} at the start, {load()} at the end (the measuring itself included)"
        _save(chosen, facts, rows)


def _save(chosen: Suite, facts: dict[str, str], rows: list[Row]) -> None:
    page = _RESULTS / f"{chosen.name}{'-full' if scale.full else ''}.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(as_markdown(f"Benchmarks: {chosen.name}", facts, rows), encoding="utf-8")
    print(f"saved {page.relative_to(_RESULTS.parent)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
