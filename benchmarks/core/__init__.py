"""The core against the targets that were asked for."""

from benchmarks.core import executing, fanout, finding, graphs, pipelines, reporting, starting
from benchmarks.suite import Suite

SUITE = Suite(
    "core",
    "the core by itself: no cluster, no disk, no network",
    (
        starting.theme,
        executing.theme,
        pipelines.theme,
        fanout.theme,
        reporting.theme,
        graphs.theme,
        finding.theme,
    ),
)
