"""A call on its way to its job: a file in a package that Ray brings to the job's node, whatever its size.

Nothing of it stands in the job's command, its metadata or its log. A package's name is used once, so that the file can
be removed from the node as soon as it is read.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from synapse_core.errors import SynapseError
from synapse_core.protocols import Call
from synapse_core.worker.crossing import call_data, call_of
from synapse_ray.jobs_api.book import decoded, encoded

_FILE = "call.json"


@frozen
class Parcel:
    """What a job is told.

    Attributes:
        call: what is to be run.
        grace: seconds that the action has after the job was stopped by somebody who named no time.
    """

    call: Call
    grace: float = 3.0

    @classmethod
    def unpacked(cls, name: str) -> Parcel:
        """What was packed under that name, where the job runs; it is gone from there afterwards.

        Raises:
            SynapseError: it did not arrive.
        """
        for entry in sys.path:
            file = Path(entry) / name / _FILE
            if file.is_file():
                data = decoded(file.read_bytes())
                with contextlib.suppress(OSError):
                    file.unlink()
                return cls(call_of(data["call"]), data["grace"])
        raise SynapseError(
            f"the call of this job did not arrive: there is no {name}/{_FILE} on Python's path",
            hint="it is there once: a job cannot be started a second time by its command; submit it anew",
        )


def new_name() -> str:
    """The name of a package, which Python could import."""
    return f"synapse_call_{uuid.uuid4().hex}"


@contextlib.contextmanager
def packed(name: str, parcel: Parcel) -> Iterator[str]:
    """The folder to be shipped under ``py_modules``; it is gone after the block.

    Raises:
        DiscoveryError: no other process can find the action.
    """
    with tempfile.TemporaryDirectory(prefix="synapse-") as outer:
        folder = Path(outer) / name
        folder.mkdir(mode=0o700)
        file = folder / _FILE
        file.touch(mode=0o600)
        # With its name: Ray takes packages for one by what is in them, and the file of one that was read is gone.
        file.write_bytes(encoded({"name": name, "call": call_data(parcel.call), "grace": parcel.grace}))
        yield str(folder)
