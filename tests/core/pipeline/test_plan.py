"""`Plan`: order, relations, and the plan as data."""

from __future__ import annotations

import functools
import json
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.actiondef import ActionSpec, action
from synapse_core.errors import NotFoundError, PipelineError
from synapse_core.pipeline import Node, PipelineBuildError, PipelineGraph, Plan, PlanNode, Resources, Retry
from synapse_core.pipeline.plan import bits
from tests.core.pipeline.helpers import act, closure, dag, edges, spec


def wants_more(params):
    """A `when` that can be found by its name."""
    return params.get("more", False)


class Chooser:
    @staticmethod
    def choose(params):
        return True

    def method(self, params):
        return True


@action
def top_level(params, context):
    """An action that any process can find."""
    return {}


A, B = map(act, "ab")
TOP = top_level


class TestOrder:
    @given(edges())
    def test_every_node_comes_after_what_it_needs(self, graph):
        """And its needs are those that were written."""
        plan = dag(graph).plan
        assert {node.name: set(node.needs) for node in plan} == graph
        for node in plan:
            assert all(plan.index(need) < node.index for need in node.needs)

    @given(edges())
    def test_the_order_is_stable(self, graph):
        """Of all nodes that may come next, the one that was written first does."""
        written, left = list(graph), list(graph)
        for node in dag(graph).plan:
            ready = [name for name in left if not graph[name] & set(left)]
            assert node.name == min(ready, key=written.index)
            left.remove(node.name)

    @given(edges())
    def test_relations_are_those_of_the_closure(self, graph):
        """Ancestors, descendants, children, roots and leaves, each in topological order."""
        plan = dag(graph).plan
        order = [node.name for node in plan]
        above = closure(graph)
        for name in order:
            assert plan.ancestors(name) == tuple(other for other in order if other in above[name])
            assert plan.descendants(name) == tuple(other for other in order if name in above[other])
            assert plan.children(name) == tuple(other for other in order if name in graph[other])
        assert plan.roots == tuple(name for name in order if not graph[name])
        assert plan.leaves == tuple(name for name in order if not any(name in needed for needed in graph.values()))

    @given(edges(least=2), st.data())
    def test_every_cycle_is_refused_and_named(self, graph, data):
        """Whatever else the graph has in it; each step of the named path is an edge."""
        above = closure(graph)
        pairs = [(low, high) for high in graph for low in {*above[high], high}]
        low, high = data.draw(st.sampled_from(sorted(pairs)))
        cyclic = {**graph, low: {*graph[low], high}}
        with pytest.raises(PipelineBuildError) as caught:
            dag(cyclic)
        (problem,) = caught.value.problems
        path = problem.removeprefix("its needs make a cycle: ").split(" → ")
        assert path[0] == path[-1]
        assert len(set(path)) == len(path) - 1
        assert all(before in cyclic[after] for before, after in pairwise(path))

    @given(edges(), st.data())
    def test_latest_are_those_that_no_other_comes_after(self, graph, data):
        """The last comes first."""
        plan = dag(graph).plan
        some = data.draw(st.sets(st.sampled_from(sorted(graph))))
        above = closure(graph)
        mask = sum(1 << plan.index(name) for name in some)
        found = plan.latest(mask)
        assert {plan.nodes[i].name for i in found} == {n for n in some if not any(n in above[o] for o in some)}
        assert found == sorted(found, reverse=True)
        assert sorted(some, key=plan.index) == list(plan.names(mask))

    @given(st.integers(0, 2**70))
    def test_bits(self, mask):
        """A set and its indices say the same."""
        assert sum(1 << index for index in bits(mask)) == mask
        assert list(bits(mask)) == sorted(bits(mask))


class TestLookups:
    def test_by_name(self):
        """A plan is a collection of nodes by name."""
        plan = PipelineGraph([A, B]).plan
        assert plan["b"] is plan.nodes[1]
        assert "a" in plan
        assert "x" not in plan
        assert [node.name for node in plan] == ["a", "b"]
        assert len(plan) == 2

    @pytest.mark.parametrize("ask", [Plan.__getitem__, Plan.children, Plan.ancestors, Plan.descendants, Plan.index])
    def test_an_unknown_name(self, ask):
        """Is told with the nearest."""
        with pytest.raises(NotFoundError, match="pipeline 'p': no node 'trian'; did you mean 'train'"):
            ask(PipelineGraph([act("train")], name="p").plan, "trian")

    def test_a_plan_is_computed_once(self):
        """The graph hands out the same."""
        graph = PipelineGraph([A])
        assert graph.plan is graph.plan

    def test_a_plan_is_frozen(self):
        """As are its nodes."""
        plan = PipelineGraph([A]).plan
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            plan.name = "x"  # type: ignore[misc]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            plan["a"].name = "x"  # type: ignore[misc]


class TestMadeByHand:
    def test_nodes_out_of_order(self):
        """A plan is in topological order or it is none."""
        nodes = (PlanNode("a", 0, spec("a"), ("b",)), PlanNode("b", 1, spec("b")))
        with pytest.raises(PipelineError, match="'a' stands before 'b', which it needs"):
            Plan("p", nodes)

    @pytest.mark.parametrize("nodes", [[("a", 0), ("a", 1)], [("a", 1), ("b", 0)], [("a", 0), ("b", 2)]])
    def test_names_and_numbers(self, nodes):
        """Are each there once, and in order."""
        with pytest.raises(PipelineError, match="not numbered and named one by one"):
            Plan("p", tuple(PlanNode(name, index, spec(name)) for name, index in nodes))


number = st.one_of(st.none(), st.floats(0.5, 100), st.integers(1, 100))
node_options = st.fixed_dictionaries(
    {},
    optional={
        "resources": st.builds(
            Resources, number, number, number, st.dictionaries(st.text(max_size=5), st.floats(0, 9), max_size=2)
        ),
        "retry": st.builds(
            Retry,
            max_attempts=st.integers(1, 9),
            delay=st.floats(0, 9),
            jitter=st.floats(0, 1),
            on=st.lists(st.sampled_from(["OSError", TimeoutError])),
        ),
        "timeout": st.floats(0.1, 1e6),
        "each": st.sampled_from(["files", "file in files"]),
        "when": st.sampled_from(["more", "not a.b", wants_more, Chooser.choose]),
        "inputs": st.dictionaries(st.text(max_size=5), st.sampled_from(["params.x.0", "params.y"]), max_size=2),
    },
)
plan_options = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(min_size=1).filter(str.strip),
        "description": st.text(),
        "on_failure": st.sampled_from(["finish", "continue", "cancel"]),
        "max_parallel": st.integers(1, 99),
        "strict": st.booleans(),
    },
)


class TestData:
    @given(edges(), plan_options, st.data())
    def test_there_and_back(self, graph, options, data):
        """Through JSON a plan stays the same, whatever its nodes say."""
        nodes = [Node(act(name), needs=tuple(graph[name]), **data.draw(node_options)) for name in graph]
        plan = PipelineGraph(nodes, **options).plan
        text = json.dumps(plan.to_data(portable=False), allow_nan=False)
        again = Plan.from_data(json.loads(text))
        assert again == plan
        assert again.to_data(portable=False) == plan.to_data(portable=False)

    def test_what_is_not_said_is_left_out(self):
        """The data reads like the pipeline that was written."""
        more = Node(TOP, name="b", retry=Retry(2), resources=Resources(num_gpus=0.5))
        data = PipelineGraph([Node(TOP, name="a"), more], name="p").plan.to_data()
        said = {"action": "top_level", "entrypoint": f"{__name__}:top_level"}
        said["description"] = "An action that any process can find."
        assert data == {
            "name": "p",
            "nodes": [
                {"name": "a", **said, "needs": []},
                {
                    "name": "b",
                    **said,
                    "needs": ["a"],
                    "resources": {"num_gpus": 0.5, "custom": {}},
                    "retry": {
                        "max_attempts": 2,
                        "delay": 1.0,
                        "backoff": 2.0,
                        "max_delay": 60.0,
                        "jitter": 0.1,
                        "on": [],
                    },
                },
            ],
        }

    def test_zero_is_not_nothing(self):
        """No CPU at all is something one can ask for."""
        plan = PipelineGraph([Node(TOP, resources=Resources(num_cpus=0))]).plan
        assert Plan.from_data(plan.to_data())["top_level"].resources == Resources(num_cpus=0)

    def test_what_a_spec_says_is_kept(self):
        """So that a stored plan knows its plugin, root and version."""
        said: dict[str, Any] = {
            "root": "/plugins/x",
            "version": "1.2",
            "plugin": "x",
            "category": "export",
            "description": "d",
        }
        plan = Plan("p", (PlanNode("a", 0, ActionSpec("convert", "x:Convert", **said)),))
        (node,) = Plan.from_data(plan.to_data()).nodes
        assert {name: getattr(node.spec, name) for name in said} == said
        assert (node.spec.name, node.spec.entrypoint, node.spec.target) == ("convert", "x:Convert", None)

    def test_nodes_of_an_action_share_its_spec(self):
        """As in the plan that was written: what is worked out of an action is worked out once, not once a node."""
        x, other = (ActionSpec("convert", "x:Convert", version=version) for version in ("1", "2"))
        plan = Plan("p", (PlanNode("a", 0, x), PlanNode("b", 1, x), PlanNode("c", 2, other)))
        a, b, c = (node.spec for node in Plan.from_data(plan.to_data()))
        assert a is b
        assert (a.version, c.version) == ("1", "2")

    def test_actions_are_loaded_when_they_are_asked_for(self):
        """By the loader that is given, and not before."""
        asked: list[str] = []

        def load(spec):
            asked.append(spec.entrypoint)
            return A

        data = {"name": "p", "nodes": [{"name": "a", "action": "a", "entrypoint": "nowhere:A", "needs": []}]}
        plan = Plan.from_data(data, loader=load)
        assert asked == []
        assert plan["a"].spec.load() is A
        assert asked == ["nowhere:A"]

    @pytest.mark.parametrize("when", [lambda params: True, Chooser().method, functools.partial(wants_more)])
    def test_a_function_that_cannot_be_found_again(self, when):
        """Is refused where the data is to travel, and written as it calls itself where it is to be looked at."""
        plan = PipelineGraph([Node(TOP, when=when)]).plan
        with pytest.raises(PipelineError, match=r"node 'top_level': when=.* cannot be found again by its name"):
            plan.to_data()
        assert ":" in plan.to_data(portable=False)["nodes"][0]["when"]

    def test_an_action_that_cannot_be_found_again(self):
        """Is refused where the data is to travel, with the cure."""
        plan = PipelineGraph([A]).plan
        with pytest.raises(PipelineError, match=r"node 'a': .* is defined inside a function(.|\n)*hint: move it"):
            plan.to_data()
        assert plan.to_data(portable=False)["nodes"][0]["entrypoint"].endswith("act.<locals>.body")

    def test_a_function_that_can(self):
        """Is written as an entry point."""
        plan = PipelineGraph([Node(TOP, when=Chooser.choose)]).plan
        assert plan.to_data()["nodes"][0]["when"] == f"{__name__}:Chooser.choose"

    @pytest.mark.parametrize(
        "data",
        [
            {},
            {"name": "p"},
            {"name": "p", "nodes": 3},
            {"name": "p", "nodes": [{}]},
            {"name": "p", "nodes": [{"name": "a", "action": "a", "entrypoint": "x:A", "needs": [], "retry": {"x": 1}}]},
            {"name": "p", "nodes": [{"name": "a", "action": "a", "entrypoint": "x:A", "needs": ["b"]}]},
            {"name": "p", "nodes": [{"name": "a", "action": "a", "entrypoint": "x:A", "needs": None}]},
            [],
            None,
        ],
    )
    def test_what_is_no_plan(self, data):
        """Is refused as such."""
        with pytest.raises(PipelineError):
            Plan.from_data(data)
