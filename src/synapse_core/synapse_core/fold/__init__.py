"""The only place that turns events into state: ``PipelineProgress = fold(events)``.

Pure and total: an unknown kind is ignored, and so is whatever in a payload makes no sense; what has ended stays as it
ended, and folding a prefix and then the rest gives what folding the whole gives.
"""

from synapse_core.fold.folding import CHANGES, Folding, fold

__all__ = ["CHANGES", "Folding", "fold"]
