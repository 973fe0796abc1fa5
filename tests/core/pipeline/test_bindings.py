"""`ParamsView`: what a node says of its own params: ``inputs``, ``each`` and ``when``."""

from __future__ import annotations

import pytest

from synapse_core.errors import ParamsConflictError, PipelineError
from synapse_core.pipeline import Node, ParamsView, PipelineGraph
from tests.core.pipeline.helpers import act, run

A, B, C, D, E = map(act, "abcde")


def at_import(params):
    """A `when` to be found by its name."""
    return params["n"] > 1


class TestBindings:
    def bound(self, text, result, initial=None):
        graph = PipelineGraph([A, Node(B, inputs={"k": text})])
        return run(graph, {"a": result}, initial).view("b")

    def test_what_can_be_bound(self):
        """A field, an item, a whole result, an initial param."""
        assert self.bound("a.x", {"x": 1}) == {"x": 1, "k": 1}
        assert self.bound("a.x.1.y", {"x": [0, {"y": 5}]})["k"] == 5
        assert self.bound("a", "text") == {"k": "text"}
        assert self.bound("params.seed", {"seed": 1}, {"seed": 0}) == {"seed": 1, "k": 0}
        assert self.bound("params.o.x", None, {"o": {"x": 2}})["k"] == 2
        assert self.bound("a.0", {"0": "zero"})["k"] == "zero"

    @pytest.mark.parametrize(
        ("text", "result", "why"),
        [
            ("a.weight", {"weights": 1}, "the result of 'a' has no 'weight'; did you mean 'weights'?"),
            ("a.zz", {"x": 1, "y": 2}, "the result of 'a' has no 'zz'; there are: x, y"),
            ("a.x.y", {"x": 3}, "the result of 'a'.x is of type int, so it has no 'y'"),
            ("a.x", None, "the result of 'a' is None, so it has no 'x'"),
            ("a.x", [1], "the result of 'a' is a list, whose items have numbers, so it has no 'x'"),
            ("a.1", [1], "the result of 'a' has 1 items, so none with the number 1"),
            ("params.seed", None, "the dict of initial params has no 'seed'; there are: none"),
        ],
    )
    def test_what_cannot(self, text, result, why):
        """The node, the key, the binding and the step that failed are named."""
        with pytest.raises(PipelineError) as caught:
            self.bound(text, result)
        assert str(caught.value) == f"node 'b': inputs['k'] is {text!r}, but {why}"

    def test_a_skipped_node_has_no_result(self):
        """The error says how to do without."""
        view = ParamsView(PipelineGraph([Node(A, when="x"), Node(B, inputs={"k": "a.x"})]).plan, {})
        view.skip("a")
        with pytest.raises(PipelineError, match=r"'a' was skipped and gave no result\n  hint: leave 'k' unbound"):
            view.view("b")

    def test_a_skipped_node_adds_nothing(self):
        """What comes after it sees what it would have seen."""
        view = ParamsView(PipelineGraph([Node(A, when="x"), B]).plan, {"x": 0})
        view.skip("a")
        assert view.view("b") == {"x": 0}

    def test_a_skipped_node_settles_what_it_can(self):
        """Its bindings hold for what comes after; one that leads nowhere is left in dispute."""
        for text, settles in (("a.w", True), ("a.gone", False)):
            graph = PipelineGraph([[A, B], Node(C, when="x", inputs={"w": text}), D])
            view = ParamsView(graph.plan, {})
            view.done("a", {"w": 1}, {"w": 1})
            view.done("b", {"w": 2}, {"w": 2})
            view.skip("c")
            assert view.after("c") == ({"w": 1} if settles else {})
            if not settles:
                with pytest.raises(ParamsConflictError):
                    view.view("d")

    def test_a_binding_is_the_nodes_own_affair(self):
        """Where nothing is in dispute what comes after sees the results alone."""
        graph = PipelineGraph([A, Node(B, inputs={"x": "params.y"}), C])
        view = run(graph, {"a": {"x": 1}}, {"y": 9})
        assert (view.view("b")["x"], view.view("c")["x"]) == (9, 1)

    def test_a_result_overrides_what_was_bound(self):
        """It comes later."""
        graph = PipelineGraph([[A, B], Node(C, inputs={"w": "a.w"}), D])
        assert run(graph, {"a": {"w": 1}, "b": {"w": 2}, "c": {"w": 3}}).view("d") == {"w": 3}


class TestEach:
    def fan_out(self, each, params):
        view = ParamsView(PipelineGraph([Node(A, each=each)]).plan, params)
        return view, view.view("a")

    def test_items(self):
        """In order; each instance gets its own, and not the list."""
        view, seen = self.fan_out("file in files", {"files": ["x", "y"], "n": 1})
        assert view.items("a", seen) == ["x", "y"]
        assert [view.instance_params("a", item) for item in ("x", "y")] == [
            {"file": "x", "n": 1},
            {"file": "y", "n": 1},
        ]

    def test_one_name_for_both(self):
        """The item takes the list's place."""
        view, seen = self.fan_out("files", {"files": ["x"], "n": 1})
        view.items("a", seen)
        assert view.instance_params("a", "x") == {"files": "x", "n": 1}

    def test_without_asking_for_the_items(self):
        """As after a recovery: an instance's params are the same."""
        view, _ = self.fan_out("file in files", {"files": ["x"], "n": 1})
        assert view.instance_params("a", "x") == {"file": "x", "n": 1}

    def test_no_items(self):
        """Is a list as well."""
        assert self.fan_out("files", {"files": []})[0].items("a", {"files": []}) == []

    @pytest.mark.parametrize("value", ["abc", {"a": 1}, 3, None])
    def test_what_is_no_list(self, value):
        """Is told with its type."""
        view, seen = self.fan_out("files", {"files": value})
        with pytest.raises(PipelineError, match=f"'files' must be a list, and is of type {type(value).__name__}"):
            view.items("a", seen)

    def test_a_missing_list(self):
        """Is told with the nearest key."""
        view, seen = self.fan_out("file in files", {"filse": []})
        with pytest.raises(PipelineError, match="no param 'files'; did you mean 'filse'"):
            view.items("a", seen)

    def test_a_node_without_each(self):
        """Has no items."""
        view = ParamsView(PipelineGraph([A]).plan, {})
        with pytest.raises(PipelineError, match="node 'a' has no each"):
            view.items("a", {})

    def test_the_list_under_another_name(self):
        """For an action that wants both."""
        graph = PipelineGraph([Node(A, each="file in files", inputs={"all": "params.files"})])
        view = ParamsView(graph.plan, {"files": ["x"]})
        assert view.instance_params("a", "x") == {"file": "x", "all": ["x"]}


class TestWhen:
    @pytest.mark.parametrize(
        ("when", "params", "runs"),
        [
            (None, {}, True),
            ("x", {"x": 1}, True),
            ("x", {"x": 0}, False),
            ("x", {}, False),
            ("not x", {}, True),
            ("not x", {"x": [1]}, False),
            ("x.y", {"x": {"y": True}}, True),
            ("x.y", {"x": 3}, False),
            ("not x.y.z", {"x": {"y": None}}, True),
            (at_import, {"n": 2}, True),
            (at_import, {"n": 1}, False),
            (f"{__name__}:at_import", {"n": 2}, True),
            (lambda params: [], {}, False),
        ],
    )
    def test_conditions(self, when, params, runs):
        """A key, its opposite, a path, a function, and a function by name."""
        view = ParamsView(PipelineGraph([Node(A, when=when)]).plan, params)
        assert view.should_run("a", view.view("a")) is runs

    def test_a_function_that_raises(self):
        """Is told with the node; its error is the cause."""
        view = ParamsView(PipelineGraph([Node(A, when=at_import)]).plan, {})
        with pytest.raises(PipelineError, match="node 'a': its when raised KeyError: 'n'") as caught:
            view.should_run("a", {})
        assert isinstance(caught.value.__cause__, KeyError)

    @pytest.mark.parametrize("name", ["nowhere_at_all:f", f"{__name__}:nothing", f"{__name__}:__name__"])
    def test_a_function_that_is_not_there(self, name):
        """Is told with its entry point."""
        view = ParamsView(PipelineGraph([Node(A, when=name)]).plan, {})
        with pytest.raises(PipelineError, match=f"node 'a': its when={name}"):
            view.should_run("a", {})
