"""A run as JSON data, with the names of the service's API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from attrs import asdict

from synapse_core.models import ActionProgress, Checkpoint, PipelineProgress


def progress_json(progress: PipelineProgress) -> dict[str, Any]:
    """A run's state."""
    data = _plain(progress)
    data["progress"] = [action_json(action) for action in progress.progress]
    data["instances"] = {name: action_json(action) for name, action in progress.instances.items()}
    return data


def action_json(action: ActionProgress) -> dict[str, Any]:
    """The state of an action, or of an instance of one."""
    data = _plain(action)
    names = ("current", "total", "rate", "eta")
    data["categories"] = {name: {key: category[key] for key in names} for name, category in data["categories"].items()}
    return data


def checkpoints_json(checkpoints: Iterable[Checkpoint]) -> list[dict[str, Any]]:
    """Checkpoints, oldest first."""
    return [_plain(checkpoint) for checkpoint in checkpoints]


def _plain(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = asdict(value, value_serializer=_as_json)
    return found


def _as_json(_instance: Any, _attribute: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value
