"""What can go wrong with steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from synapse_core.errors import ExecutionError, SynapseError
from synapse_core.loggers.safe import as_text

if TYPE_CHECKING:
    from synapse_core.steps.step import StepResult


class StepError(SynapseError):
    """Steps that cannot be put together: a name used twice, a weight that is none."""


class StepFailedError(ExecutionError, RuntimeError):
    """A step failed and what had run was rolled back; what the step raised is the ``__cause__``.

    Attributes:
        step: The step's name.
        result: What the step gave, or what stands for it if it raised.
        rollback_errors: What the rollbacks raised, in the order they were called; also told as notes.
    """

    def __init__(self, message: str, *, step: str = "", result: StepResult | None = None, error_type: str = "") -> None:
        super().__init__(message, error_type=error_type)
        self.step = step
        self.result = result
        self.rollback_errors: Sequence[BaseException] = ()


def type_of(error: BaseException) -> str:
    """``ConnectionError``, ``requests.exceptions.Timeout``; of a failure that stands for another, that one's."""
    if isinstance(error, ExecutionError) and error.error_type:
        return error.error_type
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def describe(error: BaseException) -> str:
    """``ConnectionError: refused``."""
    message = as_text(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
