"""The sinks that come with Synapse keep every rule of sinks."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

import synapse_jsonl
from synapse_core.builtin.console.sink import ConsoleSink, JsonSink
from synapse_core.testing import SinkContract


class TestJsonLines(SinkContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.path = tmp_path / "events.jsonl"

    def make_sink(self, run):
        return synapse_jsonl.JsonLines(self.path)


class TestPlainConsole(SinkContract):
    display: Any = "plain"

    def make_sink(self, run):
        return ConsoleSink(evolve(run, display=self.display))


class TestLiveConsole(TestPlainConsole):
    display = "live"


class TestJsonOutput(SinkContract):
    def make_sink(self, run):
        return JsonSink()
