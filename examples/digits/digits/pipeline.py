"""The pipeline: download → convert → train twice, in parallel → evaluate → export."""

from __future__ import annotations

from synapse_core import ActionPipeline, Node, Retry

from .convert import Convert
from .download import Download
from .evaluate import Evaluate
from .export import Export
from .train import TrainDeep, TrainWide

pipeline = ActionPipeline(
    [
        Node(Download, retry=Retry(max_attempts=3, delay=1.0, on=("URLError", "TimeoutError")), timeout=60),
        Convert,
        [TrainWide, TrainDeep],
        Node(Evaluate, inputs={"wide": "train-wide", "deep": "train-deep"}),
        Export,
    ],
    name="digits",
    description="Learns to read handwritten digits, twice, and keeps the better network.",
)
