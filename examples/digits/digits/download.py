"""download: fetch the images, and check that they are the right ones."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlparse
from urllib.request import urlopen

from attrs import frozen

from synapse_core import BaseAction
from synapse_core.schema import Help
from synapse_core.types import TabularDataset

SHIPPED = Path(__file__).parents[1] / "data" / "digits.csv.gz"
SHA256 = "34af3b9b1a8afa599fef9fa56f4d7d4933c3e969bdf02f3fa698213eb8c8adec"
SCHEMES = {"file", "http", "https"}
CHUNK = 4096


@frozen
class DownloadParams:
    """What to download."""

    source: Annotated[str, Help("a path or URL; the file that comes with the example if empty")] = ""
    sha256: Annotated[str, Help("what the file's SHA-256 has to be; empty: anything goes")] = SHA256


@frozen
class Downloaded:
    """Where the file is."""

    table: Path


class Download(BaseAction[DownloadParams]):
    """Fetch the images and check that they are the right ones."""

    output_type = TabularDataset
    result_model = Downloaded

    def execute(self) -> Downloaded:
        url = as_url(self.params.source or str(SHIPPED))
        table = self.ctx.pipeline.datasets / Path(urlparse(url).path).name
        found = self.fetch(url, table)
        if self.params.sha256 not in ("", found):
            table.unlink()
            wrong = f"the SHA-256 of {url} is {found}, not {self.params.sha256}"
            raise ValueError(f"{wrong}; if the file is what you want, give sha256={found}")
        self.ctx.log_message(f"{table.stat().st_size:,} bytes, SHA-256 {found[:12]}…")
        return Downloaded(table)

    def fetch(self, url: str, to: Path) -> str:
        """Copy what is at the URL; its SHA-256."""
        digest, done = hashlib.sha256(), 0
        with urlopen(url) as source, to.open("wb") as target:  # noqa: S310  as_url lets only web and files through
            total = int(source.headers.get("Content-Length") or 0) or None
            while chunk := source.read(CHUNK):
                target.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                self.set_progress(done, total, "bytes")
        return digest.hexdigest()


def as_url(source: str) -> str:
    """The source as a URL; a path becomes ``file://``."""
    if urlparse(source).scheme in SCHEMES:
        return source
    return Path(source).expanduser().resolve().as_uri()
