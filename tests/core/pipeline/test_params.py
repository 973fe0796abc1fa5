"""`ParamsView`: what each node of a run sees of what the others gave."""

from __future__ import annotations

import copy
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_core.errors import NotFoundError, ParamsConflictError, PipelineError
from synapse_core.pipeline import Node, ParamsView, PipelineGraph, Plan
from synapse_core.pipeline.params import same
from synapse_core.schema import Field, ModelAdapter, Schema
from tests.core.pipeline.helpers import act, closure, edges, run

A, B, C, D, E = map(act, "abcde")


class TestMerging:
    def test_a_sequence(self):
        """Each sees the initial params updated by every earlier result."""
        view = ParamsView(PipelineGraph([A, B, C]).plan, {"x": 0, "y": 0})
        assert view.view("a") == {"x": 0, "y": 0}
        view.done("a", {"x": 1}, {"x": 1})
        assert view.view("b") == {"x": 1, "y": 0}
        view.done("b", {"x": 2, "z": 3}, {"x": 2, "z": 3})
        assert view.view("c") == {"x": 2, "y": 0, "z": 3}

    def test_a_branch_does_not_see_the_other(self):
        """What follows both sees both."""
        view = run(PipelineGraph([[A, B, C], D]), {"a": {"x": 1}, "b": {"y": 2}})
        assert (view.view("c"), view.view("d")) == ({}, {"x": 1, "y": 2})

    def test_a_result_that_is_no_mapping_merges_nothing(self):
        """It is kept as that action's result."""
        graph = PipelineGraph([A, Node(B, inputs={"items": "a"})])
        assert run(graph, {"a": [1, 2]}).view("b") == {"items": [1, 2]}

    def test_after_is_with_the_result(self):
        """What a checkpoint's snapshot shows."""
        view = run(PipelineGraph([A, B]), {"a": {"x": 1}, "b": {"y": 2}}, {"i": 0})
        assert view.after("a") == {"i": 0, "x": 1}
        assert view.after("b") == {"i": 0, "x": 1, "y": 2}

    def test_the_initial_params_are_copied(self):
        """As is every view."""
        initial = {"x": 1}
        view = ParamsView(PipelineGraph([A]).plan, initial)
        initial["x"] = 2
        view.view("a")["x"] = 3
        assert view.view("a") == {"x": 1}

    def test_a_node_before_its_parents_are_done(self):
        """Is an error that names the parent."""
        view = ParamsView(PipelineGraph([A, B]).plan, {})
        with pytest.raises(PipelineError, match="node 'a' is not done"):
            view.view("b")
        with pytest.raises(PipelineError, match="node 'a' is not done"):
            view.after("a")

    def test_an_unknown_node(self):
        """Is told."""
        with pytest.raises(NotFoundError):
            ParamsView(PipelineGraph([A]).plan, {}).view("x")


class TestConflicts:
    def test_two_values_for_one_key(self):
        """The error names the key, both actions, their values, who takes it, and the cure."""
        view = run(PipelineGraph([[A, B], C]), {"a": {"w": "x.pt"}, "b": {"w": "y.pt"}})
        with pytest.raises(ParamsConflictError) as caught:
            view.view("c")
        assert str(caught.value) == (
            "node 'c' takes 'w', and 'a' and 'b', which have no order between them, gave it different values: "
            "'x.pt' and 'y.pt'\n  hint: say which: Node(…, name='c', inputs={'w': 'a.w'})"
        )

    def test_the_cure_works(self):
        """For what comes after too."""
        graph = PipelineGraph([[A, B], Node(C, inputs={"w": "a.w"}), D])
        view = run(graph, {"a": {"w": "x.pt"}, "b": {"w": "y.pt"}})
        assert view.view("c") == view.view("d") == {"w": "x.pt"}

    def test_equal_values_are_no_conflict(self):
        """As JSON has it: 1 is 1.0, but not true."""
        graph = PipelineGraph([[A, B], C])
        assert run(graph, {"a": {"w": [1]}, "b": {"w": [1.0]}}).view("c") == {"w": [1]}
        with pytest.raises(ParamsConflictError):
            run(graph, {"a": {"w": 1}, "b": {"w": True}}).view("c")

    def test_equal_values_of_which_one_is_overridden(self):
        """The other still stands, and disagrees with the new one."""
        graph = PipelineGraph([Node(A), Node(B, needs=()), Node(C, needs="a"), Node(D, needs=("b", "c"))])
        with pytest.raises(ParamsConflictError, match="'b' and 'c'"):
            run(graph, {"a": {"w": 1}, "b": {"w": 1}, "c": {"w": 2}}).view("d")

    def test_an_initial_param_is_older_than_any_result(self):
        """No conflict with a branch that leaves it as it was."""
        assert run(PipelineGraph([[A, B], C]), {"a": {"w": 1}}, {"w": 0}).view("c") == {"w": 1}

    def test_an_action_that_does_not_take_the_key(self):
        """Passes it by; the key is absent until it is given anew."""
        c, d = act("c", takes={"seed": int}), act("d", takes={"seed": int})
        given = {"a": {"w": 1}, "b": {"w": 2}}
        view = run(PipelineGraph([[A, B], c, d, E]), given, {"w": 0, "seed": 3})
        assert view.view("c") == view.view("d") == view.after("d") == {"seed": 3}
        with pytest.raises(ParamsConflictError, match="node 'e' takes 'w', and 'a' and 'b'"):
            view.view("e")
        view = run(PipelineGraph([[A, B], c, d, E]), {**given, "c": {"w": 4}}, {"w": 0, "seed": 3})
        assert view.view("e") == {"seed": 3, "w": 4}

    def test_looking_at_a_key_is_taking_it(self):
        """``when`` and ``each`` are as good as a field."""
        takes = act("c", takes={"seed": int})
        for node in (Node(takes, when="w"), Node(takes, each="seed in w")):
            with pytest.raises(ParamsConflictError):
                run(PipelineGraph([[A, B], node]), {"a": {"w": [1]}, "b": {"w": [2]}}).view("c")

    def test_secrets_are_not_shown(self):
        """Whoever says that the key is one: who gives it, or who takes it."""
        secret = attrs.make_class("Secret", {"w": attrs.field(type=str, metadata={"secret": True})})
        given = {"a": {"w": "hush"}, "b": {"w": "quiet"}}
        for actions in ([[act("a", gives=secret), B], C], [[A, B], act("c", takes=secret)]):
            with pytest.raises(ParamsConflictError, match="gave it different values\n") as caught:
                run(PipelineGraph(actions), given).view("c")
            assert "hush" not in str(caught.value)
            assert "quiet" not in str(caught.value)

    def test_nobody_need_agree_on_the_item_of_a_fan_out(self):
        """Each instance has its own."""
        node = Node(act("c", takes={"file": str}), each="file in files")
        view = run(PipelineGraph([[A, B], node]), {"a": {"file": 1}, "b": {"file": 2}}, {"files": ["x"]})
        assert view.view("c") == {"files": ["x"]}
        assert view.instance_params("c", "x") == {"file": "x"}

    def test_models_of_a_session(self):
        """A session's schema knows what such an action takes; without it, it is taken to take everything."""

        class Ours:
            pass

        class Adapter:
            def handles(self, cls):
                return cls is Ours

            def fields(self, cls):
                return (Field("seed", int),)

        plan = PipelineGraph([[A, B], act("c", takes=Ours)]).plan
        for schema, conflicts in ((None, True), (Schema([cast("ModelAdapter", Adapter())]), False)):
            view = ParamsView(plan, {}, schema)
            view.done("a", {"w": 1}, None)
            view.done("b", {"w": 2}, None)
            if conflicts:
                with pytest.raises(ParamsConflictError):
                    view.view("c")
            else:
                assert view.view("c") == {}

    def test_a_plan_whose_actions_cannot_be_loaded_here(self):
        """Takes them to take everything."""
        data = PipelineGraph([[A, B], C]).plan.to_data(portable=False)
        for node in data["nodes"]:
            node["entrypoint"] = "nowhere_at_all:X"
        view = ParamsView(Plan.from_data(data), {})
        view.done("a", {"w": 1}, None)
        view.done("b", {"w": 2}, None)
        with pytest.raises(ParamsConflictError):
            view.view("c")


class TestMemory:
    @pytest.mark.parametrize("actions", [[A] * 50, [A, [B] * 50, C], [[A, [B, C]], [D, E]] * 10])
    def test_what_nobody_looks_at_any_more_is_forgotten(self, actions):
        """A long pipeline does not keep its params once a node; and all can be put together again."""
        plan = PipelineGraph(actions).plan
        view = ParamsView(plan, {"x": 0})
        kept, seen = 0, {}
        for node in plan:
            seen[node.name] = view.view(node.name)
            view.done(node.name, {node.name: 1}, None)
            kept = max(kept, len(view._seen))
        assert kept <= 4
        assert not view._seen
        assert {node.name: view.view(node.name) for node in plan} == seen
        assert not view._seen


# -- against a naive reference --------------------------------------------------------------------------------------

KEYS = "xyz"
values = st.sampled_from([0, 1, 1.0, True, "a", [1], [True]])
merges = st.one_of(st.none(), st.dictionaries(st.sampled_from(KEYS), values, max_size=2))


@attrs.define
class Reference:
    """What a node sees, found the slow way: all that its ancestors gave, in topological order."""

    order: list[str]
    above: dict[str, set[str]]
    takes: dict[str, set[str] | None]
    bindings: dict[str, dict[str, str]]
    initial: dict[str, Any]
    merged: dict[str, dict[str, Any]] = attrs.field(factory=dict)

    def gave(self, name):
        settled = self.disputes(name).keys() & self.bindings[name].keys()
        return {**{key: self.bound(name)[key] for key in settled}, **self.merged[name]}

    def givers(self, name, key):
        found = [other for other in self.order if other in self.above[name] and key in self.gave(other)]
        return [one for one in found if not any(one in self.above[other] for other in found)]

    def disputes(self, name):
        found = {key: self.givers(name, key) for key in KEYS}
        return {
            key: givers
            for key, givers in found.items()
            if not all(same(self.gave(givers[0])[key], self.gave(other)[key]) for other in givers)
        }

    def bound(self, name):
        return {key: self.initial[text.removeprefix("params.")] for key, text in self.bindings[name].items()}

    def finds(self, name):
        """Before its own bindings."""
        seen = dict(self.initial)
        for other in self.order:
            if other in self.above[name]:
                seen.update(self.gave(other))
        for key in self.disputes(name):
            seen.pop(key, None)
        return seen

    def sees(self, name):
        return {**self.finds(name), **self.bound(name)}

    def conflicts(self, name):
        takes = self.takes[name]
        return {
            key for key in self.disputes(name) if key not in self.bindings[name] and (takes is None or key in takes)
        }


class TestAgainstReference:
    @given(edges(most=7), st.data())
    def test_what_each_node_sees(self, graph, data):
        """In any order of execution that the graph allows: the same params, and the same conflicts."""
        takes = {name: data.draw(st.one_of(st.none(), st.sets(st.sampled_from(KEYS)))) for name in graph}
        binding = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["params.p", "params.q"]), max_size=1)
        bindings = {name: data.draw(binding) for name in graph}
        actions = {
            name: act(name, takes=None if keys is None else dict.fromkeys(keys, Any)) for name, keys in takes.items()
        }
        # A binding of a key that nobody takes is refused, which is not under test here.
        bindings = {
            name: found for name, found in bindings.items() if takes[name] is None or found.keys() <= takes[name]
        }
        bindings = {name: bindings.get(name, {}) for name in graph}
        nodes = [Node(actions[n], needs=tuple(graph[n]), inputs=bindings[n]) for n in graph]
        plan = PipelineGraph(nodes).plan
        initial = {"p": 7, "q": 8, **data.draw(st.dictionaries(st.sampled_from(KEYS), values))}
        reference = Reference([node.name for node in plan], closure(graph), takes, bindings, initial)
        view = ParamsView(plan, initial)
        waiting: set[str] = set(graph)
        running: list[str] = []
        while waiting or running:
            ready = sorted(name for name in waiting if graph[name] <= reference.merged.keys())
            name = data.draw(st.sampled_from(ready + running)) if ready or running else None
            if name is None:
                break
            if name in running:
                running.remove(name)
                reference.merged[name] = data.draw(merges) or {}
                view.done(name, reference.merged[name] or None, None)
                assert view.after(name) == {**reference.finds(name), **reference.gave(name)}
                continue
            waiting.discard(name)
            conflicts = reference.conflicts(name)
            if conflicts:
                with pytest.raises(ParamsConflictError) as caught:
                    view.view(name)
                assert any(f"takes {key!r}" in str(caught.value) for key in conflicts)
            else:
                expected = reference.sees(name)
                seen = view.view(name)
                assert seen == expected
                assert all(same(seen[key], expected[key]) for key in seen)
                running.append(name)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)


class TestSame:
    @given(json_values)
    def test_a_value_and_its_copy(self, value):
        """NaN included."""
        assert same(value, copy.deepcopy(value))
        assert same([value], (value,))

    @pytest.mark.parametrize(
        ("left", "right"), [(1, True), (0, False), ([0], [False]), ({"x": 1}, {"x": True}), (1, "1"), ([1], [1, 1])]
    )
    def test_different(self, left, right):
        """Also what Python calls equal."""
        assert not same(left, right)
        assert not same(right, left)

    def test_what_cannot_be_compared(self):
        """Is not known to be the same."""

        class Array:
            def __eq__(self, other):
                raise ValueError("ambiguous")

            def __hash__(self):
                return 0

        assert not same(Array(), Array())
