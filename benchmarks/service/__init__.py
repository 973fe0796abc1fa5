"""The pipeline service against the targets that were asked for."""

from benchmarks.service import following, pages, reports
from benchmarks.suite import Suite

SUITE = Suite(
    "service",
    "the pipeline service on a SQLite file, in a process of its own, beside bare aiohttp handlers",
    (reports.theme, following.theme, pages.theme),
)
