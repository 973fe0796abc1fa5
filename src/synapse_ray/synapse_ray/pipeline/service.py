"""Which pipeline service keeps the runs, if any: `choose_service`."""

from __future__ import annotations

import enum
import http.client
import logging
import os
from urllib.parse import urlsplit

from synapse_core.errors import NotFoundError, StoreError, StoreUnavailableError

_log = logging.getLogger("synapse_ray.pipeline")

DEFAULT_URL = "http://localhost:8100"
_TIMEOUT = 3.0


class ServiceChoice(enum.Enum):
    """What ``pipeline_service_url`` may be beside a URL."""

    IF_ANY = f"{DEFAULT_URL}, if a service answers there"

    def __repr__(self) -> str:
        return self.value


def choose_service(said: str | ServiceChoice | None) -> str | None:
    """The URL of the service that keeps the runs; None where the cluster keeps them itself.

    Args:
        said: the URL, which must answer; ``ray:…`` or None for none; or the one that ``SYNAPSE_STORE`` names, else the
            one at `DEFAULT_URL` if there is one.

    Raises:
        StoreUnavailableError: none answers at the URL that was given.
        StoreError: it is the URL of a store that a cluster's runs cannot be kept by.
    """
    if isinstance(said, ServiceChoice):
        usual = os.environ.get("SYNAPSE_STORE", "")
        if not usual.startswith(("http://", "https://")):
            return _found()
        said = usual
    if said is None or said.startswith("ray:"):
        return None
    if urlsplit(said).scheme not in {"http", "https"}:
        raise StoreError(
            f"runs on a cluster cannot be kept by {said!r}",
            hint="give a service's URL, http://host:8100; or None, to have the cluster keep them",
        )
    if (why := silent(said)) is not None:
        raise StoreUnavailableError(
            f"no pipeline service answers at {said}: {why}",
            hint="start it (`synapse serve`), or give pipeline_service_url=None to have the cluster keep its runs",
        )
    return said.rstrip("/")


def _found() -> str | None:
    why = silent(DEFAULT_URL) or _no_client()
    if why is None:
        _log.info("runs are kept by the pipeline service at %s", DEFAULT_URL)
        return DEFAULT_URL
    _log.warning(
        "no pipeline service at %s (%s): the cluster keeps its runs itself, in a file on its head node; they survive "
        "whatever dies but that node's disk",
        DEFAULT_URL,
        why,
    )
    return None


def _no_client() -> str | None:
    from synapse_core.plugins import PluginManager

    try:
        PluginManager().store(DEFAULT_URL)
    except NotFoundError as error:
        return f"it answers, but {error.hint or error.message}"
    return None


def silent(url: str) -> str | None:
    """Why no service answers there; None if one does."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/health")
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return str(error) or type(error).__name__
    return None if status == http.client.OK else f"it answers with status {status}"
