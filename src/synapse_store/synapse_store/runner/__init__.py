"""Runs that a service is asked to take up, in processes of their own: `Runner`; the service imports no action."""

from __future__ import annotations

from synapse_store.runner.runner import Runner, RunnerAway

__all__ = ["Runner", "RunnerAway"]
