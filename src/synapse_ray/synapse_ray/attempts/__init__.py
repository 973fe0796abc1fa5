"""The core's attempts over Ray: `TaskExecutor`, each attempt a task of its own."""

from __future__ import annotations

from synapse_ray.attempts.executor import TaskExecutor

__all__ = ["TaskExecutor"]
