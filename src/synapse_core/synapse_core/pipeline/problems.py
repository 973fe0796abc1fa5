"""What is wrong with a pipeline, said all at once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from synapse_core.errors import PipelineError

_SHOWN = 20
_OURS = str(Path(__file__).parents[1] / "x")[:-1]  # with the separator at its end


class PipelineBuildError(PipelineError):
    """A pipeline that cannot be built; ``problems`` lists everything that is wrong with it."""

    def __init__(self, subject: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        one = len(self.problems) == 1
        super().__init__(f"{subject}: {self.problems[0]}" if one else listed(f"{subject} cannot be built", problems))


class SchemaWarning(UserWarning):
    """The types of a pipeline's actions may not fit; a strict pipeline refuses most of what this warns of."""


def listed(headline: str, problems: Sequence[str]) -> str:
    """A headline and one line a problem; a long list is cut, and says so."""
    lines = [f"{headline}: {len(problems)} problem" + ("" if len(problems) == 1 else "s")]
    lines += [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  … and {len(problems) - _SHOWN} more")
    return "\n".join(lines)


def warn(text: str) -> None:
    """Warn at the line of the user's that built the pipeline, however many of our frames lie between."""
    level = 1
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
        level += 1
    warnings.warn(text, SchemaWarning, stacklevel=level)
