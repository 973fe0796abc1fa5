"""The SQLite store against bare sqlite3, which writes the same rows to a file of its own in the same run."""

from benchmarks.store import atonce, commits, growth, recovery, reports
from benchmarks.suite import Suite

SUITE = Suite(
    "store",
    "the SQLite store beside bare sqlite3 doing the same rows",
    (commits.theme, atonce.theme, recovery.theme, reports.theme, growth.theme),
)
