"""What a pipeline is checked for when it is built: bindings, semantic types, and fields along its edges."""

from __future__ import annotations

import warnings
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, cast

import attrs
import pytest

from synapse_core.errors import SchemaIncompatibleError
from synapse_core.pipeline import Node, PipelineBuildError, PipelineGraph, SchemaWarning
from synapse_core.pipeline.fits import fits
from synapse_core.types import COCODataset, Dataset, ModelWeights, YOLODataset
from tests.core.pipeline.helpers import act, model

start = act("start")


def strictly(actions):
    """The problems that a strict pipeline refuses; building it without strict warns of the same."""
    with pytest.raises(SchemaIncompatibleError) as caught:
        PipelineGraph(actions, strict=True)
    with pytest.warns(SchemaWarning) as warned:
        graph = PipelineGraph(actions)
    assert graph.problems == caught.value.problems
    assert all(problem in str(warned[0].message) for problem in graph.problems)
    return caught.value.problems


def refused(actions):
    """What makes it impossible to build at all."""
    with pytest.raises(PipelineBuildError) as caught:
        PipelineGraph(actions)
    return caught.value.problems


def fine(actions):
    """Builds a strict pipeline, which must not even warn (warnings are errors)."""
    return PipelineGraph(actions, strict=True)


class TestSemanticTypes:
    def test_the_same_and_a_subclass_fit(self):
        """A YOLO dataset is a dataset."""
        fine([act("a", output_type=YOLODataset), act("b", input_type=YOLODataset)])
        fine([act("a", output_type=YOLODataset), act("b", input_type=Dataset)])

    def test_another_type_does_not(self):
        """Both ends and both types are named."""
        actions = [act("a", output_type=COCODataset), act("b", input_type=YOLODataset)]
        assert strictly(actions) == ("'b' wants YOLODataset, but 'a' gives COCODataset, which does not fit",)

    def test_a_superclass_may_fit(self):
        """A warning, strict or not."""
        actions = [act("a", output_type=Dataset), act("b", input_type=YOLODataset)]
        for strict in (False, True):
            with pytest.warns(SchemaWarning, match="'a' gives Dataset, which may be something else"):
                graph = PipelineGraph(actions, strict=strict)
            assert graph.problems == ()
            assert len(graph.cautions) == 1

    def test_who_says_nothing_is_in_nobodys_way(self):
        """Neither before nor after."""
        fine([act("a", output_type=Dataset), start, act("c", input_type=ModelWeights)])

    def test_of_several_parents_one_that_fits_is_enough(self):
        """The others may bring what else is needed."""
        fine(
            [[act("a", output_type=YOLODataset), act("b", output_type=ModelWeights)], act("c", input_type=YOLODataset)]
        )
        actions = [
            [act("a", output_type=COCODataset), act("b", output_type=ModelWeights)],
            act("c", input_type=YOLODataset),
        ]
        (problem,) = strictly(actions)
        assert problem == (
            "'c' wants YOLODataset, but 'a' gives COCODataset, 'b' gives ModelWeights, which does not fit"
        )

    def test_what_is_no_type(self):
        """Cannot be built with."""
        (problem,) = refused([start, act("b", input_type=dict)])
        assert "is no semantic type" in problem


class TestFields:
    def test_a_result_field_of_another_type(self):
        """The actions, the field and both types are named."""
        actions = [act("a", gives={"weights": int}), act("b", takes={"weights": str})]
        assert strictly(actions) == ("'b' wants weights: str, but 'a' gives weights: int",)

    def test_fields_of_any_ancestor_count(self):
        """Also of one that lies further back."""
        actions = [act("a", gives={"x": int}), start, act("c", gives={"y": int}), act("d", takes={"x": str})]
        assert strictly(actions) == ("'d' wants x: str, but 'a' gives x: int",)

    def test_what_is_overridden_does_not_count(self):
        """The last to give a field is the one that is seen."""
        fine([act("a", gives={"x": int}), act("b", gives={"x": str}), act("c", takes={"x": str})])

    def test_fields_of_who_is_no_ancestor_do_not_count(self):
        """A branch beside sees nothing of it."""
        fine([[act("a", gives={"x": int}), act("b", takes={"x": str})]])

    def test_strict_asks_only_for_what_nobody_can_give(self):
        """A field that an earlier action gives, or the initial params, is not refused (the seed's fault)."""
        wanting = act("c", takes={"x": str, "initial": int})
        graph = fine([act("a", gives={"x": str}), act("b", gives={"y": int}), wanting])
        graph.validate_initial_params({"initial": 1})

    def test_a_result_that_is_no_mapping_gives_nothing(self):
        """It is kept as a result and merges nothing."""
        fine([act("a", gives=list[int]), act("b", takes={"x": str})])

    def test_a_fan_out_gives_nothing(self):
        """Its results come back as a list."""
        fine([Node(act("a", takes={"f": str}, gives={"x": int}), each="f in files"), act("b", takes={"x": str})])

    def test_a_converter_takes_anything(self):
        """What it makes of a value only it knows."""
        takes = attrs.make_class("P", {"x": attrs.field(type=int, converter=int)})
        fine([act("a", gives={"x": str}), act("b", takes=takes)])

    def test_a_model_that_cannot_be_read(self):
        """Is a problem, named."""
        broken = attrs.make_class("Broken", {"x": attrs.field(type=cast(Any, "Nowhere"))})
        (problem,) = strictly([act("a", takes=broken)])
        assert "Nowhere" in problem

    def test_the_warning_points_at_the_users_line(self):
        """And names the pipeline."""
        with pytest.warns(SchemaWarning, match="pipeline 'p': types may not fit: 1 problem") as warned:
            PipelineGraph([act("a", gives={"x": int}), act("b", takes={"x": str})], name="p")
        assert warned[0].filename == __file__

    def test_a_flood_of_problems_is_one_short_warning(self):
        """The graph has them all."""
        with pytest.warns(SchemaWarning) as warned:
            graph = PipelineGraph([act("a", gives={"x": int}), *[act("b", takes={"x": str})] * 100])
        assert len(warned) == 1
        assert len(graph.problems) == 100
        assert str(warned[0].message).endswith("… and 80 more")


class TestConflicts:
    a, b = act("a", gives={"w": str}), act("b", gives={"w": str})

    def test_two_unordered_actions_that_give_what_is_taken(self):
        """Both are named, and the cure, which works."""
        join = act("join", takes={"w": str})
        (problem,) = strictly([[self.a, self.b], join])
        assert problem == (
            "'join' takes 'w', which 'a' and 'b' give with no order between them; "
            "say which: Node(…, name='join', inputs={'w': 'a.w'})"
        )
        fine([[self.a, self.b], Node(join, name="join", inputs={"w": "a.w"})])

    def test_an_action_without_a_model_takes_everything(self):
        """As it sees every key."""
        assert len(strictly([[self.a, self.b], start])) == 1

    def test_an_action_that_does_not_take_it_may_join(self):
        """Two trainings may both return their loss; it is told where somebody takes it."""
        other = act("other", takes={"seed": int})
        fine([[self.a, self.b], other])
        (problem,) = strictly([[self.a, self.b], other, act("late", takes={"w": str})])
        assert problem.startswith("'late' takes 'w', which 'a' and 'b' give")

    def test_it_is_said_once(self):
        """Not again of all that comes after."""
        takes = act("t", takes={"w": str})
        assert len(strictly([[self.a, self.b], takes, takes, takes])) == 1

    def test_a_binding_settles_it_for_what_comes_after(self):
        """Also where the action itself does not take the key."""
        pick = Node(act("pick", takes={"seed": int}), inputs={"w": "b.w"})
        fine([[self.a, self.b], pick, act("late", takes={"w": str})])

    def test_a_binding_on_one_branch_settles_nothing_on_another(self):
        """Where they join again it is told."""
        pick = Node(act("pick", takes={"w": str}), inputs={"w": "b.w"})
        skip = act("skip", takes={"seed": int})
        fine([[self.a, self.b], [pick, skip], act("late", takes={"w": str})])
        other = Node(act("other", takes={"w": str}), inputs={"w": "a.w"})
        (problem,) = strictly([[self.a, self.b], [pick, other], act("late", takes={"w": str})])
        assert problem.startswith("'late' takes 'w', which 'pick' and 'other' give")

    def test_giving_it_anew_settles_it(self):
        """What comes after both overrides both."""
        fine([[self.a, self.b], act("c", takes={"seed": int}, gives={"w": str}), act("d", takes={"w": str})])

    def test_three_of_them(self):
        """Two are named and the rest counted."""
        (problem,) = strictly([[self.a, self.b, act("c", gives={"w": str})], act("join", takes={"w": str})])
        assert "which 'a' and 'c' (and 1 more) give" in problem

    def test_each_and_when_look_at_keys_too(self):
        """A node that branches on a key takes it."""
        takes = act("t", takes={"seed": int, "item": str})
        assert len(strictly([[self.a, self.b], Node(takes, when="not w")])) == 1
        lists = [act("a", gives={"w": list[str]}), act("b", gives={"w": list[str]})]
        assert len(strictly([lists, Node(takes, each="item in w")])) == 1

    def test_a_binding_of_its_own_gives_nothing(self):
        """Bindings are a node's own affair where nothing is in dispute."""
        one = Node(act("one", takes={"w": str}), inputs={"w": "start.x"})
        two = Node(act("two", takes={"w": str}), inputs={"w": "start.y"})
        fine([act("start", gives={"x": str, "y": str}), [one, two], act("join", takes={"w": str})])


class TestBindings:
    train = act("train", gives={"weights_path": str, "layers": list[int], "meta": dict[str, int]})

    def bound(self, text, kind=str, key="w"):
        return [start, self.train, Node(act("use", takes={"w": kind}), inputs={key: text})]

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("train.weights_path", str),
            ("train.weights_path", Path),
            ("train.layers", list[int]),
            ("train.layers.0", int),
            ("train.meta.any", int),
            ("train", dict),
            ("start.anything.at.all", str),
            ("params.seed", int),
            ("params.seed.0.x", int),
        ],
    )
    def test_good(self, text, kind):
        """Fields, items, keys, whole results, initial params, and what nothing is known of."""
        fine(self.bound(text, kind))

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("trian.weights_path", "'trian.weights_path' names no node; did you mean 'train'?"),
            ("zzz", "'zzz' names no node; there are: start, train, use"),
            ("use.x", "'use' does not come before 'use'; a node cannot take its own result"),
            ("train.weight_path", "the result of 'train' has no 'weight_path'; did you mean 'weights_path'?"),
            ("train.weights_path.x", "the result of 'train'.weights_path is of type str, so it has no 'x'"),
            ("train.layers.first", "is a list, whose items have numbers, so it has no 'first'"),
            ("train.layers.0.x", "is of type int, so it has no 'x'"),
            ("params", "'params' alone is no binding"),
            ("", "a binding is a text such as"),
            ("train..x", "a binding is a text such as"),
            ("train. .x", "a binding is a text such as"),
            (3, "a binding is a text such as"),
        ],
    )
    def test_bad(self, text, why):
        """Each names the node, the key and what is wrong."""
        (problem,) = refused(self.bound(text))
        assert problem.startswith("'use': inputs['w']: ")
        assert why in problem

    def test_only_ancestors_can_be_bound(self):
        """Others may not have run yet; the message says the cure."""
        nodes = [[self.train, Node(act("use", takes={"w": str}), inputs={"w": "train.weights_path"})]]
        assert refused(nodes) == ("'use': inputs['w']: 'train' does not come before 'use'; add it to the node's needs",)

    def test_a_key_that_nobody_takes(self):
        """Is most likely misspelt."""
        assert refused(self.bound("train", key="v")) == ("'use': inputs['v']: the action takes no 'v'; it takes 'w'",)
        takes = act("use", takes={"weights": str})
        (problem,) = refused([self.train, Node(takes, inputs={"weight": "train.weights_path"})])
        assert problem.endswith("did you mean 'weights'?")

    def test_an_action_without_a_model_takes_any_key(self):
        """It sees them all."""
        fine([self.train, Node(start, inputs={"anything": "train.weights_path"})])

    def test_the_type_of_what_is_bound(self):
        """Is checked like a field's."""
        assert strictly(self.bound("train.weights_path", int)) == (
            "'use' wants w: int, but it is bound to 'train.weights_path': str",
        )

    def test_nested_models_are_followed(self):
        """Field by field."""
        inner = model({"path": str})
        train = act("train", gives={"best": inner})
        fine([train, Node(act("use", takes={"w": str}), inputs={"w": "train.best.path"})])
        (problem,) = refused([train, Node(act("use", takes={"w": str}), inputs={"w": "train.best.pth"})])
        assert "the result of 'train'.best has no 'pth'; did you mean 'path'?" in problem

    def test_a_fan_out_is_a_list_of_results(self):
        """Whole, or by number and then by field."""
        train = Node(act("train", takes={"file": str}, gives={"path": str}), each="file in files")

        def use(text, kind):
            return [train, Node(act("use", takes={"w": kind}), inputs={"w": text})]

        fine(use("train", list[dict[str, Any]]))
        fine(use("train.0.path", str))
        assert "is a list" in refused(use("train.path", str))[0]
        assert len(strictly(use("train", str))) == 1

    def test_names_with_dots(self):
        """The longest name that fits is meant."""
        one, two = Node(act("x", gives={"b": str}), name="a"), Node(act("y", gives={"c": int}), name="a.b")
        (problem,) = strictly([one, two, Node(act("use", takes={"w": str}), inputs={"w": "a.b.c"})])
        assert problem == "'use' wants w: str, but it is bound to 'a.b.c': int"

    def test_names_with_blanks(self):
        """Can be bound like any other."""
        train = Node(act("train", gives={"w": str}), name="Train it")
        fine([train, Node(act("use", takes={"w": str}), inputs={"w": "Train it.w"})])

    def test_who_comes_after_and_takes_nothing(self):
        """Does not make a bound key a taken one."""
        nothing = act("nothing", takes={})
        (problem,) = refused([self.train, Node(nothing, inputs={"v": "train.weights_path"}), nothing])
        assert problem.endswith("the action takes no 'v'; it takes nothing")

    def test_all_are_told_at_once(self):
        """Of all nodes."""
        use = act("use", takes={"w": str})
        nodes = [self.train, *(Node(use, inputs={"w": f"nowhere.{i}"}) for i in range(3))]
        assert len(refused(nodes)) == 3


class TestEach:
    def test_the_item_must_be_taken(self):
        """Else every instance would do the same."""
        assert strictly([Node(act("a", takes={"file": str}), each="files")]) == (
            "'a': each='files': the action takes no 'files'; did you mean 'file in files'?",
        )
        (problem,) = strictly([Node(act("a", takes={"path": str}), each="zz in files")])
        assert problem.endswith("the action takes no 'zz'; it takes 'path'")

    def test_what_it_runs_over_must_be_a_list_that_fits(self):
        """As far as models tell."""
        takes = Node(act("b", takes={"file": str}), each="file in files")
        fine([act("a", gives={"files": list[str]}), takes])
        fine([act("a", gives={"files": tuple[Path, ...]}), takes])
        fine([act("a", gives={"files": Any}), takes])
        assert strictly([act("a", gives={"files": str}), takes]) == (
            "'b': each='file in files' wants list[str], but 'a' gives files: str",
        )
        assert len(strictly([act("a", gives={"files": list[int]}), takes])) == 1

    def test_a_bound_list(self):
        """Is checked as well."""
        actions = [
            act("a", gives={"n": int}),
            Node(act("b", takes={"files": str}), each="files", inputs={"files": "a.n"}),
        ]
        assert strictly(actions) == ("'b': each='files' wants list[str], but the binding to 'a.n' gives files: int",)

    def test_the_list_itself_is_not_given(self):
        """An action that needs it too would fail for want of it."""
        both = {"file": str, "files": list[str]}
        (problem,) = strictly([Node(act("a", takes=both), each="file in files")])
        assert "an instance gets its item and not the list" in problem
        optional = attrs.make_class("P", {"file": attrs.field(type=str), "files": attrs.field(type=list, default=None)})
        fine([Node(act("a", takes=optional), each="file in files")])

    def test_nobody_need_agree_on_the_item(self):
        """Each instance has its own."""
        a, b = act("a", gives={"file": str}), act("b", gives={"file": str})
        fine([[a, b], Node(act("c", takes={"file": str}), each="file in files")])

    def test_an_action_without_a_model(self):
        """Takes what it gets."""
        fine([Node(start, each="file in files")])


class Colour(Enum):
    RED = "red"


class Level(Enum):
    LOW = 1


class Options(TypedDict):
    x: int


@attrs.frozen
class Inner:
    x: int


class Foreign:
    pass


class TestFits:
    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            (int, int),
            (int, float),
            (float, int),
            (Path, str),
            (str, Path),
            (datetime, str),
            (Colour, str),
            (str, Colour),
            (Level, int),
            (Literal["a"], str),
            (int | None, int),
            (int, int | None),
            (None, int | None),
            (int | str, str),
            (list[int], tuple[int, ...]),
            (set[str], list[Path]),
            (list, list[int]),
            (Inner, dict),
            (dict[str, int], Inner),
            (Options, Inner),
            (Any, int),
            (int, Any),
            (Foreign, int),
            (int, Foreign),
            (Annotated[int, "epochs"], float),
            (bytes, str),
            (tuple[int, str], list[int]),
        ],
    )
    def test_may_fit(self, given, wanted):
        """Some value of the one, written as JSON, can be read as the other; or nobody can tell."""
        assert fits(given, wanted)

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            (int, str),
            (str, int),
            (bool, int),
            (int, bool),
            (str, bool),
            (None, int),
            (int | None, str | None),
            (list[int], list[str]),
            (list[list[int]], list[list[str]]),
            (str, list[str]),
            (Inner, str),
            (dict, list),
            (Level, str),
            (Literal[1, 2], str),
            (Path, float),
            (Inner, list),
            (Annotated[int, "epochs"], str),
        ],
    )
    def test_do_not_fit(self, given, wanted):
        """No value can."""
        assert not fits(given, wanted)


def test_an_action_that_cannot_be_loaded():
    """Is told with all others, by its node's name."""
    from synapse_core.actiondef import ActionSpec

    nodes = [start, ActionSpec("lost", "nowhere_at_all:Lost"), ActionSpec("gone", "nowhere_at_all:Gone")]
    assert [problem.partition(":")[0] for problem in refused(nodes)] == ["'lost'", "'gone'"]


def test_strict_tells_everything_at_once():
    """Types, fields and conflicts, one line each."""
    a = act("a", gives={"x": int, "w": str}, output_type=COCODataset)
    b = act("b", gives={"x": int, "w": str}, output_type=COCODataset)
    c = act("c", takes={"x": str, "w": str}, input_type=YOLODataset)
    with pytest.raises(SchemaIncompatibleError) as caught:
        PipelineGraph([[a, b], c], strict=True)
    assert len(caught.value.problems) == 5
    assert str(caught.value).count("\n") == 5


def test_a_pipeline_that_says_nothing_is_silent():
    """No models, no types, no warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert PipelineGraph([start, [start, start], start]).problems == ()
