"""The ids of jobs: made of run, action and attempt, so that whoever knows those finds the job again."""

from __future__ import annotations

import hashlib
import re

from synapse_core.errors import SynapseError
from synapse_core.protocols import Call

_LONGEST = 150
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


def submission_id(call: Call) -> str:
    """``synapse-RUN-ACTION-ATTEMPT``; what cannot stand there is replaced, and a digest then tells it from others."""
    exact = f"{call.run_id}/{call.action}/{call.attempt}"
    text = f"synapse-{exact.replace('/', '-')}"
    safe = _UNSAFE.sub("-", text)
    if safe == text and exact.count("/") == 2 and len(safe) <= _LONGEST:
        return safe
    return f"{safe[:_LONGEST]}-{hashlib.sha256(exact.encode()).hexdigest()[:12]}"


def checked(job_id: str) -> str:
    """A job id that was chosen by the caller.

    Raises:
        SynapseError: it cannot stand in an address or a file's name.
    """
    if not job_id or _UNSAFE.search(job_id) or len(job_id) > _LONGEST:
        raise SynapseError(
            f"{job_id!r} cannot be the id of a job",
            hint=f"use up to {_LONGEST} letters, digits, dots, dashes and underscores",
        )
    return job_id
