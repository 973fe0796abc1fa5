"""The page of hooks keeps its word: every hook is there, explained, and its example is a working plugin."""

import inspect
import textwrap

import pytest

from synapse_core import hookspecs
from synapse_core.hookspecs import hookimpl

# The hooks that were promised, in the order of a run, with the arguments that they are called with.
PROMISED = {
    "synapse_add_hooks": ("pm",),
    "synapse_actions": (),
    "synapse_discover": ("source",),
    "synapse_model_adapters": (),
    "synapse_converter": ("converter",),
    "synapse_data_types": (),
    "synapse_executors": (),
    "synapse_stores": (),
    "synapse_sinks": ("run",),
    "synapse_run_started": ("run",),
    "synapse_run_finished": ("run", "progress"),
    "synapse_run_action": ("call",),
    "synapse_autolog": ("framework", "ctx"),
    "synapse_cli": ("group",),
}
FIRST_RESULT = {"synapse_discover", "synapse_run_action", "synapse_autolog"}

SPECS = {name: spec for name, spec in vars(hookspecs).items() if hasattr(spec, "synapse_spec")}

each_hook = pytest.mark.parametrize("hook", SPECS)


def examples(doc: str) -> list[str]:
    """The code after each ``::`` of a docstring."""
    found, lines = [], inspect.cleandoc(doc).splitlines()
    for number, line in enumerate(lines):
        if line.endswith("::"):
            block = []
            for following in lines[number + 1 :]:
                if following and not following.startswith("    "):
                    break
                block.append(following)
            found.append(textwrap.dedent("\n".join(block)))
    return found


def test_every_hook_that_was_promised_is_there_and_no_other():
    """In the same order, with the same arguments and the same way of answering."""
    assert list(SPECS) == list(PROMISED)
    assert {name: tuple(inspect.signature(spec).parameters) for name, spec in SPECS.items()} == PROMISED
    assert {name for name, spec in SPECS.items() if spec.synapse_spec["firstresult"]} == FIRST_RESULT
    assert {name for name, spec in SPECS.items() if spec.synapse_spec["historic"]} == {"synapse_add_hooks"}


@each_hook
def test_every_hook_says_in_a_sentence_what_it_is_for(hook):
    """Before the example."""
    summary = SPECS[hook].__doc__.partition("\n")[0]
    assert summary.endswith(".")
    assert not summary.endswith("::")


@each_hook
def test_every_argument_and_result_has_a_type(hook):
    """So that an author's editor knows what `run` and `call` are."""
    signature = inspect.signature(SPECS[hook])
    assert signature.return_annotation is not signature.empty
    assert all(each.annotation is not each.empty for each in signature.parameters.values())


@each_hook
def test_the_example_of_a_hook_is_a_plugin_that_implements_it(hook, manage, row):
    """It compiles, breaks no rule, and implements the hook that it stands under."""
    code = examples(SPECS[hook].__doc__)
    assert code, f"{hook} has no example"
    for example in code:
        plugin = type("Example", (), {})()
        namespace: dict[str, object] = {"hookimpl": hookimpl}
        exec(compile(example, f"<the example of {hook}>", "exec"), namespace)
        vars(plugin).update(namespace)
        if hook == "synapse_add_hooks":
            namespace["my_hookspecs"] = MyHooks
        pm = manage(plugin)
        assert row(pm, "Example").error is None
        assert row(pm, "Example").hooks == (hook,)


class MyHooks:
    @hookspecs.hookspec
    def my_hook(self): ...


def test_the_plugin_in_full_at_the_top_of_the_page_works(manage):
    """Imports and all."""
    (example,) = examples(hookspecs.__doc__)
    namespace = {"MySink": Sink}
    exec(compile(example, "<the page of hooks>", "exec"), namespace)
    plugin = type("Example", (), {})()
    vars(plugin).update(namespace)
    ((name, sink),) = manage(plugin).sinks(type("Run", (), {"run_id": "r-1"}))
    assert (name, sink.run_id) == ("Example", "r-1")


class Sink:
    def __init__(self, run_id):
        self.run_id = run_id

    def write(self, events): ...
    def close(self): ...
