"""`validate_initial_params`: what can be told before a run starts."""

from __future__ import annotations

import attrs
import pytest

from synapse_core.errors import ValidationError
from synapse_core.pipeline import Node, PipelineGraph
from synapse_core.pipeline.fits import list_of
from synapse_core.schema import Field, Schema
from tests.core.pipeline.helpers import act, model


def issues(graph, params):
    with pytest.raises(ValidationError) as caught:
        graph.validate_initial_params(params)
    return {issue.path: issue.message for issue in caught.value.issues}


download = act("download", takes={"url": str}, gives={"data": str})
train = act("train", takes={"data": str, "epochs": int}, gives={"weights": str})
export = act("export", takes={"weights": str, "epochs": int, "format": str})
pipeline = PipelineGraph([download, train, export], name="p", strict=True)


class TestFields:
    def test_all_is_there(self):
        """What earlier actions give is not asked for."""
        assert pipeline.validate_initial_params({"url": "u", "epochs": 1, "format": "onnx"}) == ()

    def test_everything_missing_is_told_at_once_with_who_wants_it(self):
        """A param that several want is told once."""
        found = issues(pipeline, {})
        assert set(found) == {"url", "epochs", "format"}
        assert found["url"].endswith(", for 'download'")
        assert found["epochs"].endswith(", for 'train', 'export'")

    def test_wrong_types(self):
        """With the type found and the type wanted."""
        with pytest.raises(ValidationError) as caught:
            pipeline.validate_initial_params({"url": 3, "epochs": "x", "format": "onnx"})
        assert caught.value.subject == "initial params of pipeline 'p'"
        assert {(i.path, i.found, i.wanted) for i in caught.value.issues} == {
            ("url", "int", "str"),
            ("epochs", "str", "int"),
        }

    def test_a_param_that_an_earlier_action_overrides_may_be_anything(self):
        """The action sees what the earlier one gave."""
        assert pipeline.validate_initial_params({"url": "u", "epochs": 1, "format": "f", "data": 3}) == ()

    def test_nested_paths(self):
        """Lead into the value."""
        graph = PipelineGraph([act("a", takes={"layers": list_of(model({"units": int}))})])
        assert set(issues(graph, {"layers": [{"units": 1}, {"units": "x"}]})) == {"layers[1].units"}

    def test_rules_of_a_whole_model(self):
        """Are asked where the model is complete, and not where other actions give the rest."""

        @attrs.frozen
        class Range:
            low: int = 0
            high: int = 1

            def __attrs_post_init__(self):
                if self.low > self.high:
                    raise ValueError("low is above high")

        alone = PipelineGraph([act("a", takes=Range)])
        assert "low is above high" in issues(alone, {"low": 5})[""]
        helped = PipelineGraph([act("top", takes={}, gives={"high": int}), act("a", takes=Range)])
        assert helped.validate_initial_params({"low": 5}) == ()

    def test_defaults(self):
        """Need not be given."""
        takes = attrs.make_class("P", {"x": attrs.field(type=int, default=1)})
        graph = PipelineGraph([act("a", takes=takes)])
        assert graph.validate_initial_params({}) == ()
        assert set(issues(graph, {"x": "no"})) == {"x"}

    def test_bound_params_are_not_asked_for(self):
        """Their source is."""
        graph = PipelineGraph([Node(act("a", takes={"x": int}), inputs={"x": "params.options.x"})])
        assert graph.validate_initial_params({"options": {"x": 1}}) == ()
        assert issues(graph, {}) == {"options.x": "is missing; 'x' is bound to it, for 'a'"}

    def test_many_nodes_that_want_the_same(self):
        """Are counted."""
        assert issues(PipelineGraph([act("a", takes={"x": int}, gives={})] * 8), {})["x"].endswith("'a-5' and 3 more")


class TestWhatMayBeGiven:
    def test_an_action_without_a_result_model_may_give_anything(self):
        """What comes after it is doubted and not refused."""
        graph = PipelineGraph([act("load", takes={"url": str}), act("train", takes={"data": str})])
        (warning,) = graph.validate_initial_params({"url": "u"})
        assert warning.startswith("data: ")
        assert warning.endswith(", for 'train'; only an action without a result model could give it")
        assert set(issues(graph, {})) == {"url"}

    def test_results_that_merge_nothing_give_nothing(self):
        """A list is not merged."""
        graph = PipelineGraph([act("load", takes={}, gives=list[int]), act("train", takes={"data": str})])
        assert set(issues(graph, {})) == {"data"}


class TestEach:
    graph = PipelineGraph([Node(act("a", takes={"file": str}), each="file in files")])

    def test_the_list_is_asked_for_and_not_the_item(self):
        """As each instance gets its own."""
        assert self.graph.validate_initial_params({"files": ["x"]}) == ()
        assert issues(self.graph, {}) == {"files": "is missing; each='file in files' runs over it, for 'a'"}

    def test_it_must_be_a_list_of_what_fits(self):
        """Each wrong item is told."""
        assert set(issues(self.graph, {"files": "abc"})) == {"files"}
        assert set(issues(self.graph, {"files": ["x", 2, 3]})) == {"files[1]", "files[2]"}

    def test_one_name_for_both(self):
        """The list in the params, its items in the instances."""
        graph = PipelineGraph([Node(act("a", takes={"files": str}), each="files")])
        assert graph.validate_initial_params({"files": ["x"]}) == ()
        assert set(issues(graph, {})) == {"files"}

    def test_a_list_that_an_earlier_action_gives(self):
        """Is not asked for."""
        graph = PipelineGraph(
            [act("ls", takes={}, gives={"files": list[str]}), Node(act("a", takes={"f": str}), each="f in files")]
        )
        assert graph.validate_initial_params({}) == ()


class TestUnknown:
    def test_a_key_that_no_action_knows(self):
        """Is worth a warning with the nearest name."""
        params = {"url": "u", "epochs": 1, "format": "f", "epoch": 2, "zzz": 3}
        assert pipeline.validate_initial_params(params) == (
            "no action knows the param 'epoch'; did you mean 'epochs'?",
            "no action knows the param 'zzz'",
        )

    def test_nothing_is_unknown_to_an_action_without_a_model(self):
        """It takes everything."""
        assert PipelineGraph([act("a")]).validate_initial_params({"zzz": 1}) == ()

    def test_what_looks_like_a_key_that_was_left_out(self):
        """Is worth a warning even where an action takes everything; beside that key it is not."""
        epochs = attrs.make_class("Epochs", {"epochs": attrs.field(type=int, default=3)})
        graph = PipelineGraph([act("train", takes=epochs), act("a")])
        assert graph.validate_initial_params({"epoch": 2, "epochs": 1, "zzz": 3}) == ()
        assert graph.validate_initial_params({"epoch": 2, "zzz": 3}) == (
            "no action names the param 'epoch'; did you mean 'epochs'?",
        )

    def test_expressions_know_keys_too(self):
        """``when``, ``each`` and bindings."""
        a = act("a", takes={"x": int})
        graph = PipelineGraph([Node(a, when="on"), Node(a, each="x in xs"), Node(a, inputs={"x": "params.y"})])
        assert graph.validate_initial_params({"x": 1, "on": True, "xs": [1], "y": 2}) == ()

    def test_a_when_function_may_look_at_anything(self):
        """So nothing is said."""
        graph = PipelineGraph([Node(act("a", takes={"x": int}), when=lambda params: params["secret"])])
        assert graph.validate_initial_params({"x": 1, "secret": True}) == ()


@pytest.mark.parametrize("params", [None, [], "x=1", 3])
def test_params_that_are_no_mapping(params):
    """Are refused as such."""
    assert set(issues(pipeline, params)) == {""}


def test_keys_that_are_no_text():
    """Are refused as such."""
    assert issues(pipeline, {3: 1}) == {"": "keys are text, got 3"}


def test_models_that_only_a_session_knows():
    """Are checked by its schema, and left alone without it."""

    class Ours:
        pass

    class Adapter:
        def handles(self, cls):
            return cls is Ours

        def structure(self, data, cls):
            return Schema().structure(data, model({"x": int}))

        def unstructure(self, obj):
            return {}

        def fields(self, cls):
            return (Field("x", int),)

        def json_schema(self, cls):
            return {}

    graph = PipelineGraph([act("a", takes=Ours)])
    assert graph.validate_initial_params({}) == ()
    with pytest.raises(ValidationError):
        graph.validate_initial_params({}, schema=Schema([Adapter()]))
