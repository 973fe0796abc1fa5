"""Reports that came from afar, told to a logger here."""

from __future__ import annotations

import json
from collections.abc import Iterable

from synapse_core.events import Draft, Kind
from synapse_core.loggers import BaseLogger
from synapse_core.worker.crossing import drafts_of
from synapse_ray.worker.order import Batch


def drafts_in(batches: Iterable[Batch]) -> list[Draft]:
    """The reports of batches, in their order."""
    return [draft for _, rows in batches for draft in drafts_of(json.loads(rows))]


def replay(drafts: Iterable[Draft], logger: BaseLogger) -> None:
    """Tell them to the logger, as the action did."""
    for draft in drafts:
        if draft.kind == Kind.ACTION_PROGRESS:
            said = draft.payload
            logger.set_progress(said["current"], said["total"], said["category"])
        else:
            logger.emit(draft.kind, draft.payload)
