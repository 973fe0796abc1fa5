"""A plugin that breaks a rule of the hooks is rejected as a whole, and the message says what to do."""

import functools

import pytest

from synapse_core.hookspecs import hookimpl, hookspec
from synapse_core.plugins import PluginInfo, PluginManager
from synapse_core.protocols import RunInfo

RUN = RunInfo("r-1", "demo", ("train",))


class Good:
    @hookimpl
    def synapse_executors(self):
        return []


class UnknownHook:
    @hookimpl
    def synapse_sink(self, run):
        return []


class WrongArgument:
    @hookimpl
    def synapse_run_finished(self, run, progres):
        pass


class Async:
    @hookimpl
    async def synapse_sinks(self, run):
        return []


class AsyncGenerator:
    @hookimpl
    async def synapse_sinks(self, run):
        yield 1


class Generator:
    @hookimpl
    def synapse_sinks(self, run):
        yield 1


class WrapperWithoutYield:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        return []


class TwoKindsOfWrapper:
    @hookimpl(wrapper=True, hookwrapper=True)
    def synapse_sinks(self, run):
        return (yield)


class WrapsHistoric:
    @hookimpl(wrapper=True)
    def synapse_add_hooks(self, pm):
        return (yield)


class KeywordOnly:
    @hookimpl
    def synapse_sinks(self, *, runn):
        return []


class Unmarked:
    def synapse_sinks(self, run):
        return []


class UnmarkedOfPlugin:
    """An ordinary function that happens to be called as a plugin's hook is."""

    def chat_message(self):
        return "hello"


class RenamedTypo:
    @hookimpl(specname="synapse_actionz")
    def my_actions(self):
        return []


class Several:
    @hookimpl
    async def synapse_actions(self):
        return []

    @hookimpl
    def synapse_run_started(self, runn):
        pass


FAULTS = {
    UnknownHook: ["no hook 'synapse_sink'; did you mean 'synapse_sinks'? There are: ", "synapse_add_hooks"],
    WrongArgument: [
        "hook 'synapse_run_finished': no argument 'progres'; did you mean 'progress'? There are: progress, run"
    ],
    Async: ["hook 'synapse_sinks': is `async def`; hooks are called and never awaited: write `def`"],
    AsyncGenerator: ["hook 'synapse_sinks': is `async def`"],
    Generator: ["hook 'synapse_sinks': is a generator; return a list, or mark it hookimpl(wrapper=True)"],
    WrapperWithoutYield: ["hook 'synapse_sinks': is marked as a wrapper and has no yield"],
    TwoKindsOfWrapper: ["mutually exclusive"],
    WrapsHistoric: ["hook 'synapse_add_hooks': is called for each plugin as it comes, and cannot be wrapped"],
    KeywordOnly: ["hook 'synapse_sinks': no argument 'runn'"],
    Unmarked: ["hook 'synapse_sinks': its function is not under @hookimpl"],
    RenamedTypo: ["no hook 'synapse_actionz'; did you mean 'synapse_actions'?"],
    Several: ["hook 'synapse_actions': is `async def`", "hook 'synapse_run_started': no argument 'runn'"],
}


def implementations(pm: PluginManager) -> list[str]:
    """The names of all plugins that have anything registered anywhere."""
    return [impl.plugin_name for caller in vars(pm.hook).values() for impl in caller.get_hookimpls()]


@pytest.mark.parametrize("plugin", FAULTS, ids=lambda plugin: plugin.__name__)
def test_a_plugin_that_breaks_a_rule_is_rejected_whole(plugin, manage, row, problems):
    """Its good hooks go with the bad one: half a plugin is worse than none. All faults are told at once."""
    pm = manage(type("WithGoodOnes", (plugin, Good), {})())

    broken = row(pm, "WithGoodOnes")
    assert (broken.status, broken.hooks) == ("broken", ())
    for part in FAULTS[plugin]:
        assert part in broken.error
    assert implementations(pm) == []
    assert [str(problem) for problem in problems] == [f"plugin 'WithGoodOnes' is broken and left out: {broken.error}"]


def test_a_class_given_in_place_of_an_instance_is_told(manage, row):
    """Its methods would be called without self."""

    class Forgot:
        @hookimpl
        def synapse_sinks(self, run):
            return []

    assert "is a method of the class Forgot; give an instance of it" in row(manage(Forgot), "Forgot").error


def test_a_class_of_static_methods_is_a_plugin(manage):
    """It needs no instance."""

    class Static:
        @staticmethod
        @hookimpl
        def synapse_discover(source):
            return source

    assert manage(Static).first("synapse_discover", source="x") == "x"


def test_a_wrapped_function_is_judged_by_what_is_called(manage, row):
    """A sync function around an async one is sync, and its arguments are those of the inner one."""

    def blocking(function):
        @functools.wraps(function)
        def call(*args):
            return list(args)

        return call

    class Decorated:
        @hookimpl
        @blocking
        async def synapse_sinks(self, run):
            return []

    assert row(manage(Decorated()), "Decorated").status == "active"


def test_an_optional_hook_may_be_unknown(manage, row):
    """It is for a plugin that may not be there."""

    class Optional:
        @hookimpl(optionalhook=True)
        def chat_message(self, text):
            return text

    assert row(manage(Optional()), "Optional").status == "active"


def test_arguments_may_be_left_out_and_have_defaults_of_their_own(manage):
    """What a hook gives is taken by name."""

    class Few:
        @hookimpl
        def synapse_sinks(self, extra="mine"):
            return [Writes(extra)]

    class Writes:
        def __init__(self, mark):
            self.mark = mark

        def write(self, events): ...
        def close(self): ...

    ((name, sink),) = manage(Few()).sinks(RUN)
    assert (name, sink.mark) == ("Few", "mine")


# -- hooks that plugins add ---------------------------------------------------------------------------------------


class ChatHooks:
    @hookspec
    def chat_message(self, text):
        """Somebody says something."""


class Chat:
    """Adds a hook of its own."""

    @hookimpl
    def synapse_add_hooks(self, pm):
        pm.add_hookspecs(ChatHooks)


class Speaks:
    @hookimpl
    def chat_message(self, text):
        return f"says {text}"


class Misspeaks:
    @hookimpl
    def chat_message(self, txt):
        return txt


@pytest.mark.parametrize("order", [(Chat, Speaks), (Speaks, Chat)], ids=["before", "after"])
def test_a_plugin_adds_hooks_for_other_plugins_in_any_order(order, manage):
    """Whoever implements it may be registered before the one who specifies it."""
    pm = manage(*[plugin() for plugin in order])
    assert [row.status for row in pm.rows()] == ["active", "active"]
    assert pm.each("chat_message", text="hello") == [(PluginInfo("Speaks", ref=None), "says hello")]
    assert pm.rows("chat_message")[0].name == "Speaks"


def test_only_the_cores_hooks_are_looked_for_without_their_mark(manage, row):
    """A plugin's hook may be called as any function is."""
    assert row(manage(Chat(), UnmarkedOfPlugin()), "UnmarkedOfPlugin").status == "active"


@pytest.mark.parametrize("order", [(Chat, Misspeaks, Speaks), (Misspeaks, Speaks, Chat)], ids=["before", "after"])
def test_who_misuses_an_added_hook_is_to_blame_and_not_who_added_it(order, manage, row):
    """Pluggy raises in the one that adds."""
    pm = manage(*[plugin() for plugin in order])
    assert row(pm, "Misspeaks").error == "hook 'chat_message': no argument 'txt'; did you mean 'text'? There are: text"
    assert row(pm, "Chat").status == "active"
    assert [value for _, value in pm.each("chat_message", text="hello")] == ["says hello"]


@pytest.mark.parametrize("name", ["a_message", "z_message"])
def test_a_plugin_that_misuses_its_own_hook_is_rejected_whole(name, manage, row):
    """Whether pluggy comes to it before the hook is added or after; the hook itself is gone too."""

    @hookimpl(specname="chat_message")
    def misspeaks(self, txt):
        return txt

    pm = manage(type("Confused", (Chat,), {name: misspeaks})(), Speaks())

    assert row(pm, "Confused").status == "broken"
    assert "txt" in row(pm, "Confused").error
    assert "no hook 'chat_message'" in row(pm, "Speaks").error
    assert implementations(pm) == []


def test_the_hooks_of_a_plugin_that_is_rejected_go_with_it(manage, row):
    """Whoever implements them is told that nobody specifies them."""

    class Fails(Chat):
        @hookimpl
        def synapse_add_hooks(self, pm):
            pm.add_hookspecs(ChatHooks)
            raise RuntimeError("second thoughts")

    class Typo(Chat):
        @hookimpl
        def synapse_sink(self, run):
            return []

    for bad in (Fails, Typo):
        pm = manage(bad(), Speaks())
        assert row(pm, bad.__name__).status == "broken"
        assert "no hook 'chat_message'" in row(pm, "Speaks").error
        assert implementations(pm) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_hook_that_is_specified_twice_is_the_second_ones_fault(order, manage):
    """So is one of the core's own, specified anew."""

    class Other:
        @hookimpl
        def synapse_add_hooks(self, pm):
            pm.add_hookspecs(ChatHooks)

    pm = manage(*[(Chat(), Other())[index] for index in order], Speaks())
    assert [row.status for row in pm.rows()] == ["active", "broken", "active"]
    assert "'chat_message' is already registered" in pm.rows()[1].error
    assert pm.first("chat_message", text="still") == "says still"


class Child:
    @hookimpl
    def synapse_sinks(self, run):
        raise ValueError("young")


class Parent:
    @hookimpl
    def synapse_add_hooks(self, pm):
        pm.register(Child(), "child")


def test_a_plugin_may_register_further_plugins(manage, row):
    """They have rows, and are told of by name."""
    pm = manage(Parent())
    assert row(pm, "child").hooks == ("synapse_sinks",)
    assert pm.sinks(RUN) == []
    assert row(pm, "child").problems == ("hook 'synapse_sinks' of plugin 'child' failed: ValueError: young",)


def test_the_plugins_of_a_plugin_that_is_rejected_go_with_it(manage):
    """Nothing of it stays."""
    pm = manage(type("Typo", (Parent, UnknownHook), {})())
    assert [row.status for row in pm.rows()] == ["broken"]
    assert implementations(pm) == []
