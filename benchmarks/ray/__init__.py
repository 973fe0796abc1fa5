"""The Ray executors against bare Ray calls that do the same, on a private Ray of this process."""

from benchmarks.ray import calls, graphs, large, reports
from benchmarks.suite import Suite

SUITE = Suite(
    "ray",
    "the Ray executors beside bare Ray calls",
    (calls.theme, graphs.theme, reports.theme, large.theme),
)
