"""The store that a cluster is: it keeps every rule of stores, over what crosses to the keeper and back."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from synapse_core.errors import StoreError
from synapse_core.testing import StoreContract
from synapse_ray import ClusterStore
from synapse_ray.pipeline.keeper import Keeper


class NearLink:
    """A keeper in this process; what crosses is pickled both ways, as it is by Ray."""

    address = "here"
    patience = 5.0

    def __init__(self) -> None:
        self._keeper = Keeper()

    async def call(self, method: str, *args: Any, waits: float = 0.0) -> Any:
        """See `Link.call`."""
        given = pickle.loads(pickle.dumps(args))
        return pickle.loads(pickle.dumps(await getattr(self._keeper, method)(*given)))

    def close(self) -> None:
        """The keeper's file is closed with this process."""


class TestClusterStore(StoreContract):
    """With a file of its own behind a keeper."""

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path, monkeypatch):
        monkeypatch.setenv("SYNAPSE_HOME", str(tmp_path))

    def make_store(self):
        return ClusterStore(link=NearLink())


@pytest.mark.parametrize("url", ["http://host:1", "ray:///file", "rays:auto"])
def test_what_names_no_cluster_is_refused(url: str):
    """The scheme is ray:, and what follows an address."""
    with pytest.raises(StoreError, match="names no cluster"):
        ClusterStore(url)


def test_a_store_shows_its_address():
    """As a URL."""
    assert repr(ClusterStore("ray:10.0.0.1:6379")) == "ClusterStore('ray:10.0.0.1:6379')"
    assert repr(ClusterStore("ray:")) == "ClusterStore('ray:auto')"
