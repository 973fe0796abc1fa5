"""`PipelineDefinition` and `as_graph`: whatever stands for a pipeline."""

from __future__ import annotations

import pytest

import synapse_core.pipeline
from synapse_core.errors import PipelineError
from synapse_core.pipeline import PipelineDefinition, PipelineGraph, as_graph
from tests.core.pipeline.helpers import act, needs

A, B = act("a"), act("b")


class TestAsGraph:
    def test_a_graph(self):
        """Is itself, or the same under another name."""
        graph = PipelineGraph([A, B], name="x", strict=True, on_failure="continue")
        assert as_graph(graph) is graph
        renamed = as_graph(graph, "y")
        assert (renamed.name, graph.name) == ("y", "x")
        assert (renamed.plan.strict, renamed.plan.on_failure, needs(renamed)) == (True, "continue", needs(graph))
        assert repr(renamed) == "PipelineGraph('y': a → b)"

    def test_a_subclass_stays_what_it_is(self):
        """With all it has."""

        class Mine(PipelineGraph):
            extra: int | None = None

        mine = Mine([A])
        mine.extra = 3
        renamed = as_graph(mine, "y")
        assert isinstance(renamed, Mine)
        assert renamed.extra == 3

    def test_a_definition(self):
        """Has a name and a description of its own."""
        definition = PipelineDefinition(name="YOLO Training Pipeline", actions=[A, B], description="end to end")
        graph = as_graph(definition)
        assert (graph.name, graph.description) == ("YOLO Training Pipeline", "end to end")
        assert as_graph(definition, "quick").name == "quick"

    @pytest.mark.parametrize("kind", [list, tuple])
    def test_a_list(self, kind):
        """Is named by the caller."""
        graph = as_graph(kind([A, B]), "quick-pipeline")
        assert (graph.name, needs(graph)) == ("quick-pipeline", {"a": (), "b": ("a",)})

    @pytest.mark.parametrize("thing", [None, A, "pkg.mod:pipeline", 3])
    def test_anything_else(self, thing):
        """Is refused with what would do."""
        with pytest.raises(PipelineError, match=r"is no pipeline\n  hint: give an ActionPipeline"):
            as_graph(thing)

    @pytest.mark.parametrize("name", ["", " ", 3])
    def test_a_name_that_is_none(self, name):
        """Is refused."""
        with pytest.raises(PipelineError, match="its name must be a text"):
            as_graph(PipelineGraph([A]), name)


class TestRoom:
    def test_all_names_are_there(self):
        """They are imported when first used."""
        for name in synapse_core.pipeline.__all__:
            assert getattr(synapse_core.pipeline, name) is not None
        assert set(synapse_core.pipeline.__all__) <= set(dir(synapse_core.pipeline))

    def test_other_names_are_not(self):
        """As in any module."""
        with pytest.raises(AttributeError, match="no attribute 'Pipeline'"):
            synapse_core.pipeline.Pipeline  # noqa: B018  asking is the test

    def test_importing_it_loads_nothing_heavy(self):
        """Neither the checks nor the schema, let alone cattrs: those come with the first pipeline."""
        import subprocess
        import sys

        heavy = ("cattrs", "synapse_core.schema", "synapse_core.pipeline.checks", "rich", "asyncio")
        code = "import synapse_core.pipeline.graph, sys; print([name for name in sys.argv[1:] if name in sys.modules])"
        found = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
        assert found.stdout.strip() == "[]"
