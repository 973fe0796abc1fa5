"""A folder with a plugin in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.cli.helpers import FLOW, Here


@pytest.fixture
def here(tmp_path: Path) -> Here:
    """A folder with ``flow.py``."""
    place = Here(tmp_path)
    place.write("flow.py", FLOW)
    return place


@pytest.fixture
def plugin(here: Here) -> Here:
    """The same, and a plugin folder ``plug`` with a config.yaml, two actions and a pipeline."""
    here.write("plug/steps/__init__.py", "")
    here.write("plug/steps/work.py", FLOW)
    here.write(
        "plug/config.yaml",
        """
        # kept by hand
        name: Plug
        code: plug
        version: 1.2.3
        actions:
          load:
            entrypoint: steps.work:load
          train:
            entrypoint: steps.work:Train
          gone:
            entrypoint: steps.missing:Gone
        pipelines:
          both:
            entrypoint: steps.work:pipeline
        """,
    )
    return here
