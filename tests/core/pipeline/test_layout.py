"""Nested lists, names and needs: what a user writes, and what is wrong with it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from synapse_core.actiondef import BaseAction, action
from synapse_core.errors import PipelineError
from synapse_core.pipeline import Node, PipelineBuildError, PipelineGraph, Retry
from synapse_core.pipeline.expressions import Each
from tests.core.pipeline.helpers import act, needs

A, B, C, D, E = map(act, "abcde")


def problems(actions, **options):
    with pytest.raises(PipelineBuildError) as caught:
        PipelineGraph(actions, **options)
    return caught.value.problems


class TestLists:
    def test_a_list_is_a_sequence(self):
        """Each needs the one before it."""
        assert needs(PipelineGraph([A, B, C])) == {"a": (), "b": ("a",), "c": ("b",)}

    def test_a_nested_list_is_a_set_of_branches(self):
        """All need what comes before the set, and what follows needs them all."""
        assert needs(PipelineGraph([A, [B, C], D])) == {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}

    @pytest.mark.parametrize("sequence", [list, tuple])
    def test_inside_a_set_a_list_is_a_sequence_again(self, sequence):
        """As is a tuple: what follows the set needs the last of the sequence."""
        graph = PipelineGraph([A, [B, sequence([C, D])], E])
        assert needs(graph) == {"a": (), "b": ("a",), "c": ("a",), "d": ("c",), "e": ("b", "d")}

    def test_a_set_inside_a_sequence_inside_a_set(self):
        """Lists alternate all the way in."""
        graph = PipelineGraph([[A, [B, [C, D]]], E])
        assert needs(graph) == {"a": (), "b": (), "c": ("b",), "d": ("b",), "e": ("a", "c", "d")}

    def test_a_tuple_is_a_sequence_anywhere(self):
        """At the top and inside of a sequence too."""
        assert needs(PipelineGraph((A, (B, C), D))) == {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}

    def test_sets_in_a_row(self):
        """All of one need all of the other."""
        assert needs(PipelineGraph([[A, B], [C, D]])) == {"a": (), "b": (), "c": ("a", "b"), "d": ("a", "b")}

    def test_any_iterable_of_actions(self):
        """A generator will do."""
        assert needs(PipelineGraph(each for each in (A, B))) == {"a": (), "b": ("a",)}


class TestNeeds:
    def test_needs_replace_the_place_in_the_list(self):
        """What follows in the list still comes after."""
        assert needs(PipelineGraph([A, Node(B, needs=()), C])) == {"a": (), "b": (), "c": ("b",)}

    def test_needs_may_name_what_is_written_later(self):
        """The plan puts it in order, and leaves the rest as written."""
        graph = PipelineGraph([Node(A, needs="c"), Node(B, needs=()), Node(C, needs=())])
        assert [node.name for node in graph.plan] == ["b", "c", "a"]

    def test_needs_named_twice_count_once(self):
        """And stand in topological order."""
        graph = PipelineGraph([A, Node(B, needs=()), Node(C, needs=("b", "a", "b"))])
        assert needs(graph)["c"] == ("a", "b")

    def test_an_unknown_need_is_told_with_the_nearest_name(self):
        """Or with the names that there are."""
        train = act("train")
        assert problems([train, Node(B, needs=("trian",))]) == (
            "'b' needs 'trian', and there is no such node; did you mean 'train'?",
        )
        assert problems([A, Node(B, needs=("zzz",))]) == (
            "'b' needs 'zzz', and there is no such node; there are: a, b",
        )

    def test_needs_are_names_not_actions(self):
        """An action may stand in a pipeline twice."""
        (problem,) = problems([A, Node(B, needs=(A,))])
        assert "needs takes the names of nodes" in problem

    def test_a_cycle_is_named(self):
        """In the order in which it would run."""
        nodes = [A, Node(B, needs=("a", "d")), Node(C, needs="b"), Node(D, needs="c"), E]
        (problem,) = problems(nodes)
        cycle = problem.removeprefix("its needs make a cycle: ").split(" → ")
        assert cycle[0] == cycle[-1]
        assert " → ".join(cycle[:-1]) in "b → c → d → b → c → d"

    def test_a_node_that_needs_itself(self):
        """The smallest cycle."""
        assert problems([Node(A, needs="a")]) == ("its needs make a cycle: a → a",)


class TestNames:
    def test_an_action_used_twice_is_numbered(self):
        """From two on."""
        assert [node.name for node in PipelineGraph([A, A, B, A]).plan] == ["a", "a-2", "b", "a-3"]

    def test_numbering_leaves_out_what_is_taken(self):
        """A node may bear the name on purpose, wherever it stands."""
        assert [node.name for node in PipelineGraph([A, A, Node(B, name="a-2")]).plan] == ["a", "a-3", "a-2"]
        assert [node.name for node in PipelineGraph([A, Node(B, name="a")]).plan] == ["a-2", "a"]

    def test_a_class_is_named_by_its_action_name_or_class(self):
        """`TrainModelAction` is train_model."""

        class TrainModelAction(BaseAction[Any]):
            def execute(self):
                return {}

        class Other(TrainModelAction):
            action_name = "other"

        assert [node.name for node in PipelineGraph([TrainModelAction, Other]).plan] == ["train_model", "other"]

    def test_one_name_given_twice(self):
        """Is told with both places."""
        assert problems([Node(A, name="x"), [B, Node(C, name="x")]]) == (
            "two nodes are named 'x': actions[0] and actions[1][1]",
        )

    @pytest.mark.parametrize(
        ("name", "why"),
        [
            ("a/b", "may not have"),
            ("a\\b", "may not have"),
            ("a[1]", "may not have"),
            ("a\nb", "may not have"),
            (".hidden", "may not have"),
            ("..", "may not have"),
            (" a", "may not have"),
            ("", "is empty"),
            ("x" * 201, "is longer than 200 bytes"),
            ("ä" * 101, "is longer than 200 bytes"),
            ("params", "is what inputs call the initial params"),
            (7, "is of type int, not text"),
        ],
    )
    def test_bad_names(self, name, why):
        """Names become folders, instances (``train[3]``) and the beginnings of bindings."""
        (problem,) = problems([Node(A, name=name)])
        assert problem.startswith("actions[0]: the name ")
        assert why in problem

    @pytest.mark.parametrize("name", ["x" * 200, "Träning 2", "a.b", "a-b_c", "日本語", "a:b"])
    def test_good_names(self, name):
        """Anything else will do."""
        assert PipelineGraph([Node(A, name=name)]).plan.roots == (name,)

    def test_an_action_with_a_bad_name_can_be_given_a_better_one(self):
        """The message says so."""
        (problem,) = problems([act("a/b")])
        assert "Node(action, name=…)" in problem
        assert PipelineGraph([Node(act("a/b"), name="ab")]).plan.roots == ("ab",)


class TestWhatIsWrong:
    @pytest.mark.parametrize("actions", [[], (), iter(())])
    def test_an_empty_pipeline(self, actions):
        """Has nothing to run."""
        assert problems(actions) == ("it has no actions",)

    def test_an_empty_set_of_branches(self):
        """Is most likely a list that was computed wrongly."""
        assert problems([A, [], [B, []]]) == ("actions[1] is an empty list", "actions[2][1] is an empty list")

    @pytest.mark.parametrize("thing", [3, None, int, print, {}, BaseAction, BaseAction[Any], lambda params: 1])
    def test_what_is_no_action(self, thing):
        """Is told with its place."""
        (problem,) = problems([A, thing])
        assert problem.startswith("actions[1]: ")
        assert "is no action" in problem

    def test_a_class_that_does_nothing(self):
        """An action has an execute."""

        class Lazy(BaseAction[Any]):
            pass

        (problem,) = problems([A, Lazy])
        assert problem.startswith("actions[1]: ")
        assert problem.endswith("Lazy is no action: it has no execute()")

    def test_an_entry_point_that_cannot_be_imported(self):
        """Names the entry point."""
        (problem,) = problems(["nowhere_at_all:Train"])
        assert "nowhere_at_all:Train" in problem

    @pytest.mark.parametrize("actions", ["abc", 3, None])
    def test_what_is_no_list(self, actions):
        """A single entry point is no list of actions either."""
        (problem,) = problems(actions)
        assert problem.startswith("a pipeline is made of a list of actions")

    def test_options(self):
        """Are checked together with the rest."""
        assert len(problems([], on_failure="explode", max_parallel=0, name="")) == 4
        assert "'finish', 'continue', 'cancel'" in problems([A], on_failure="explode")[0]

    @pytest.mark.parametrize("most", [0, -1, 1.5, "2", True])
    def test_max_parallel(self, most):
        """Is a whole number of 1 or above."""
        assert problems([A], max_parallel=most) == (f"max_parallel must be a whole number of 1 or above, got {most!r}",)

    @pytest.mark.parametrize(
        "each", ["", "a in", "in files", "files in", "a b", "a.b", "x in in", "a in b in c", 3, "in"]
    )
    def test_bad_each(self, each):
        """It is a key, or ``item in key``."""
        (problem,) = problems([Node(A, each=each)])
        assert problem == f"'a': each must be 'files' or 'file in files', got {each!r}"

    @pytest.mark.parametrize("when", ["", "not", "a b", "not not", "a..b", "not a b", 3])
    def test_bad_when(self, when):
        """It is a key, ``not key`` or a function."""
        (problem,) = problems([Node(A, when=cast(Any, when))])
        assert problem.startswith("'a': when must be")

    def test_an_async_when(self):
        """Would always be true."""

        async def when(params):
            return False

        assert problems([Node(A, when=cast(Any, when))]) == ("'a': when must be a plain function, not an async one",)

    def test_max_parallel_without_each(self):
        """Has nothing to bound."""
        assert problems([Node(A, max_parallel=2)]) == ("'a': max_parallel is for a node with each",)

    def test_all_is_told_at_once(self):
        """Actions, names, needs, expressions and options."""
        wrong = [3, Node(A, name="a/b"), Node(B, needs="zzz"), Node(C, each="x y"), Node(D, needs="d")]
        assert len(problems(wrong, on_failure="x")) == 6

    def test_the_message_names_the_pipeline(self):
        """One problem stands behind the name, several stand below it."""
        with pytest.raises(PipelineError, match=r"^pipeline 'nightly': it has no actions$"):
            PipelineGraph([], name="nightly")
        with pytest.raises(PipelineError, match=r"^pipeline 'nightly' cannot be built: 2 problems\n  actions\[0\]"):
            PipelineGraph([3, 4], name="nightly")

    def test_a_flood_of_problems_is_cut_in_the_message_only(self):
        """The attribute has them all."""
        with pytest.raises(PipelineBuildError) as caught:
            PipelineGraph([object()] * 1000)
        assert len(caught.value.problems) == 1000
        assert str(caught.value).count("\n") == 21
        assert str(caught.value).endswith("… and 980 more")


def test_what_a_node_says_reaches_the_plan():
    """Untouched."""
    retry = Retry(max_attempts=2)
    node = Node(
        A, name="x", retry=retry, timeout=3, each="f in files", max_parallel=4, when="on", inputs={"q": "params.p"}
    )
    (planned,) = PipelineGraph([node], on_failure="continue", max_parallel=8, name="n", description="d").plan
    assert (planned.retry, planned.timeout, planned.each, planned.max_parallel) == (retry, 3, "f in files", 4)
    assert (planned.when, planned.inputs, planned.fan_out) == ("on", {"q": "params.p"}, Each("f", "files"))


def test_options_reach_the_plan():
    """And the graph shows them."""
    graph = PipelineGraph([A], on_failure="continue", max_parallel=8, name="n", description="d", strict=True)
    plan = graph.plan
    assert (plan.name, plan.on_failure, plan.max_parallel, plan.strict) == ("n", "continue", 8, True)
    assert (graph.name, graph.description, len(graph)) == ("n", "d", 1)
    assert PipelineGraph([A]).name == "pipeline"


def test_a_decorated_function_and_a_class_stand_side_by_side():
    """As do specs."""

    @action
    def convert(params, context):
        return {}

    assert [n.name for n in PipelineGraph([convert, PipelineGraph([A]).plan["a"].spec]).plan] == ["convert", "a"]
