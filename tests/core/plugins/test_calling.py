"""A hook call survives what plugins do in it, and says whose fault it is."""

import warnings

import pytest
from pluggy import HookCallError

from synapse_core.errors import ActionCancelled, DiscoveryError, NotFoundError, PluginError
from synapse_core.hookspecs import hookimpl
from synapse_core.plugins import PluginInfo, PluginManager
from synapse_core.plugins.calling import MOST_PROBLEMS
from synapse_core.protocols import RunInfo

RUN = RunInfo("r-1", "demo", ("train",))


class Gives:
    """Gives what it is told to, or raises it."""

    def __init__(self, given):
        self.given = given
        self.calls = 0

    def give(self):
        self.calls += 1
        if isinstance(self.given, BaseException):
            raise self.given
        return self.given

    @hookimpl
    def synapse_sinks(self, run):
        return self.give()

    @hookimpl
    def synapse_autolog(self, framework, ctx):
        return self.give()


def named(**plugins):
    def register(pm):
        for name, plugin in plugins.items():
            pm.register(plugin, name)
        return pm

    return register


def answers(pm):
    return [(plugin.name, value) for plugin, value in pm.each("synapse_sinks", run=RUN)]


def raising():
    yield 1
    raise ValueError("half way")


async def coroutine():
    return [1]


FAILURES = {
    "raises": (lambda: ValueError("boom"), "ValueError: boom"),
    "ends the program": (lambda: SystemExit(2), "SystemExit: 2: it tried to end the program"),
    "generator raises": (raising, "ValueError: half way"),
    "awaitable": (coroutine, "TypeError: gave an awaitable; hooks are called and never awaited"),
}


# -- each ---------------------------------------------------------------------------------------------------------


def test_each_tells_who_gave_what_in_the_order_of_calls(manage):
    """None is no answer; an iterator comes as a list."""
    pm = named(a=Gives([1]), b=Gives(None), c=Gives(iter("xy")))(manage())
    assert answers(pm) == [("c", ["x", "y"]), ("a", [1])]


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "wrapped"])
@pytest.mark.parametrize("failure", FAILURES)
def test_one_that_fails_is_reported_and_the_others_are_heard(failure, wrapped, manage, problems):
    """Whatever it does: raise, end the program, fail while it is iterated, be awaitable."""
    make, error = FAILURES[failure]
    pm = named(a=Gives([1]), bad=Gives(make()), c=Gives([3]))(manage())
    if wrapped:
        pm.register(Wraps(), "wrapper")

    assert answers(pm) == [("c", [3]), ("a", [1])]

    (problem,) = problems
    assert str(problem) == f"hook 'synapse_sinks' of plugin 'bad' failed: {error}"
    assert (problem.plugin.name, problem.hook) == ("bad", "synapse_sinks")
    assert "Traceback" in problem.traceback
    assert pm.problems == (problem,)


@pytest.mark.parametrize("signal", [KeyboardInterrupt, ActionCancelled])
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "wrapped"])
def test_a_signal_passes(signal, wrapped, manage):
    """Ctrl-C and the cancel of an action are nobody's fault."""
    pm = named(a=Gives(signal()))(manage())
    if wrapped:
        pm.register(Wraps(), "wrapper")
    with pytest.raises(signal):
        answers(pm)


def test_a_problem_is_told_once_and_memory_is_bounded(manage, problems):
    """A session may run for weeks beside a plugin that fails each time."""
    plugin = Gives(ValueError("boom"))
    pm = named(bad=plugin)(manage())
    for _ in range(3):
        answers(pm)
    assert len(problems) == 1
    for number in range(2 * MOST_PROBLEMS):
        plugin.given = ValueError(f"boom {number}")
        answers(pm)
    assert len(pm.problems) == MOST_PROBLEMS


def test_problems_are_logged_unless_somebody_takes_them(caplog):
    """The logger's name is synapse.plugins."""
    pm = PluginManager(plugins=[Gives(ValueError("boom"))], builtins=(), entry_points=False)
    assert answers(pm) == []
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("synapse.plugins", "WARNING")
    assert record.getMessage() == "hook 'synapse_sinks' of plugin 'Gives' failed: ValueError: boom"


def test_an_object_of_a_plugin_can_be_reported_by_name(manage, problems):
    """A sink may fail long after the hook that handed it out."""
    pm = named(mine=Gives(None))(manage())
    pm.report("mine", OSError("disk full"), "synapse_sinks")
    assert str(problems[0]) == "hook 'synapse_sinks' of plugin 'mine' failed: OSError: disk full"


# -- wrappers -----------------------------------------------------------------------------------------------------


class Wraps:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        return (yield)

    @hookimpl(wrapper=True)
    def synapse_autolog(self, framework, ctx):
        return (yield)


class Adds:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        given = yield
        return [*given[1:], [9]]


class OldStyle:
    @hookimpl(hookwrapper=True)
    def synapse_sinks(self, run):
        outcome = yield
        outcome.force_result(outcome.get_result()[:1])


class FailsBefore:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        if run:
            raise ValueError("before")
        return (yield)


class FailsAfter:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        yield
        raise ValueError("after")


class NeverYields:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        if run:
            return []
        return (yield)


class YieldsTwice:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        yield
        yield


class GivesNoList:
    @hookimpl(wrapper=True)
    def synapse_sinks(self, run):
        yield
        return 5


def test_a_wrapper_takes_part_in_each(manage):
    """It may leave answers out; what it adds is its own."""
    pm = named(a=Gives([1]), b=Gives([2]), w=Adds())(manage())
    assert answers(pm) == [("a", [1]), ("w", [9])]


def test_an_old_style_wrapper_takes_part_in_each(manage):
    """As pluggy still knows it."""
    pm = named(a=Gives([1]), b=Gives([2]), w=OldStyle())(manage())
    assert answers(pm) == [("b", [2])]


def test_one_object_that_two_plugins_give_is_each_ones_own(manage):
    """Answers are told apart, not values."""
    shared = [1]
    pm = named(a=Gives(shared), b=Gives(shared), w=Wraps())(manage())
    assert answers(pm) == [("b", shared), ("a", shared)]


@pytest.mark.parametrize(
    ("wrapper", "error"),
    [
        (FailsBefore, "ValueError: before"),
        (FailsAfter, "ValueError: after"),
        (NeverYields, "did not yield"),
        (YieldsTwice, "has second yield"),
        (GivesNoList, "'int' object is not iterable"),
    ],
)
def test_a_wrapper_that_fails_is_reported_and_left_out(wrapper, error, manage, problems):
    """The others are asked once, whenever it failed, and heard."""
    a, b = Gives([1]), Gives([2])
    pm = named(a=a, b=b, bad=wrapper(), fine=Wraps())(manage())
    assert answers(pm) == [("b", [2]), ("a", [1])]
    assert (a.calls, b.calls) == (1, 1)
    (problem,) = problems
    assert error in problem.error
    # Who gave it cannot be known: it came through both.
    assert problem.plugin.name == ("bad or fine" if wrapper is GivesNoList else "bad")


# -- first --------------------------------------------------------------------------------------------------------


def autolog(pm):
    return pm.first("synapse_autolog", framework="x", ctx=None)


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "wrapped"])
def test_first_stops_at_the_first_answer_and_passes_over_one_that_fails(wrapped, manage, problems):
    """A plugin that raises must not keep another from answering."""
    a, b = Gives("a"), Gives("b")
    pm = named(a=a, b=b, bad=Gives(ValueError("boom")), none=Gives(None))(manage())
    if wrapped:
        pm.register(Wraps(), "wrapper")
    assert autolog(pm) == "b"
    assert (a.calls, b.calls) == (0, 1)
    assert [problem.plugin.name for problem in problems] == ["bad"]


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "wrapped"])
def test_an_error_on_purpose_is_an_answer(wrapped, manage, problems):
    """The one who can read the source says what is wrong with it; a note names the plugin."""
    pm = named(a=Gives("a"), reads=Gives(DiscoveryError("line 3 is no YAML")))(manage())
    if wrapped:
        pm.register(Wraps(), "wrapper")
    with pytest.raises(DiscoveryError, match="line 3 is no YAML") as caught:
        autolog(pm)
    assert caught.value.__notes__ == ["in hook 'synapse_autolog' of plugin 'reads'"]
    assert problems == []


def test_an_error_on_purpose_of_a_wrapper_is_the_wrappers(manage):
    """The note names the wrapper, not the one that it wraps."""

    class Refuses:
        @hookimpl(wrapper=True)
        def synapse_autolog(self, framework, ctx):
            yield
            raise DiscoveryError("not here")

    pm = named(a=Gives("a"), refuses=Refuses())(manage())
    with pytest.raises(DiscoveryError) as caught:
        autolog(pm)
    assert caught.value.__notes__ == ["in hook 'synapse_autolog' of plugin 'refuses'"]


def test_nobody_answers(manage):
    """Nobody is there, or nobody knows."""
    assert autolog(manage()) is None
    assert autolog(named(a=Gives(None))(manage())) is None


# -- call, and pm.hook --------------------------------------------------------------------------------------------


def test_call_gives_what_pluggy_gives(manage):
    """A list; for a hook with one result that result."""
    pm = named(a=Gives([1]), b=Gives([2]), w=Adds())(manage())
    assert pm.call("synapse_sinks", run=RUN) == [[1], [9]]
    assert pm.call("synapse_autolog", framework="x", ctx=None) == [2]


def test_call_names_the_plugin_that_raised(site, manage):
    """With its distribution; the exception itself is the cause."""
    site.install("sad", "from synapse_core.hookspecs import hookimpl\n@hookimpl\ndef synapse_sinks(run): 1 / 0\n")
    pm = manage(entry_points=True, plugins=[Gives([1]), Wraps()])
    with pytest.raises(PluginError) as caught:
        pm.call("synapse_sinks", run=RUN)
    assert str(caught.value) == (
        "hook 'synapse_sinks' of plugin 'sad' (synapse-sad 0.1) failed: ZeroDivisionError: division by zero"
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_call_without_an_argument_is_the_callers_fault(manage):
    """Pluggy's own error comes as it is."""
    pm = named(a=Gives([1]))(manage())
    with pytest.warns(UserWarning, match="cannot be found in this hook call"), pytest.raises(HookCallError) as caught:
        pm.call("synapse_sinks")
    assert caught.value.__cause__ is not caught.value


def test_call_keeps_an_error_on_purpose(manage):
    """What Synapse itself raises through a plugin stays what it is."""
    pm = named(a=Gives(NotFoundError("nothing there")))(manage())
    with pytest.raises(NotFoundError) as caught:
        pm.call("synapse_sinks", run=RUN)
    assert caught.value.__notes__ == ["in hook 'synapse_sinks' of plugin 'a'"]


def test_an_exception_out_of_pm_hook_has_a_note(manage):
    """The type stays; two plugins of one class are told apart."""
    pm = named(a=Gives(KeyError("a")), b=Gives([2]))(manage())
    with pytest.raises(KeyError) as caught:
        pm.hook.synapse_sinks(run=RUN)
    assert caught.value.__notes__ == ["in hook 'synapse_sinks' of plugin 'a'"]


def test_the_inner_of_two_plugins_is_named_first(manage):
    """A hook that calls a hook: each note says its part of the way."""

    class Outer:
        @hookimpl
        def synapse_discover(self, source):
            return pm.hook.synapse_sinks(run=source)

    pm = named(inner=Gives(KeyError("x")), outer=Outer())(manage())
    with pytest.raises(KeyError) as caught:
        pm.hook.synapse_discover(source="x")
    assert caught.value.__notes__ == [
        "in hook 'synapse_sinks' of plugin 'inner'",
        "in hook 'synapse_discover' of plugin 'outer'",
    ]


@pytest.mark.parametrize("way", ["each", "first", "call"])
def test_a_hook_that_does_not_exist_is_told(way, manage):
    """With the one that was meant."""
    with pytest.raises(NotFoundError, match="no hook 'synapse_sink'; did you mean 'synapse_sinks'"):
        getattr(manage(), way)("synapse_sink", run=RUN)


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "wrapped"])
def test_a_call_without_an_argument_is_the_callers_fault(wrapped, manage, problems):
    """No plugin is blamed."""
    pm = manage(Gives([1]), *[Wraps()] * wrapped)
    with pytest.raises(TypeError, match="hook 'synapse_sinks' is called without run"):
        pm.each("synapse_sinks")
    assert problems == []


def test_what_a_builtin_plugin_raises_on_purpose_has_no_note(site, manage):
    """It says it all by itself; its bugs are named like anyone's."""
    site.write(
        "own.py",
        """
        from synapse_core.errors import DiscoveryError
        from synapse_core.hookspecs import hookimpl

        @hookimpl
        def synapse_discover(source):
            raise DiscoveryError("line 3") if source == "purpose" else ValueError("bug")
    """,
    )
    pm = manage(builtins=[("own", "own")])
    with pytest.raises(DiscoveryError) as caught:
        pm.discover("purpose")
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(PluginError, match="hook 'synapse_discover' of plugin 'own'"):
        pm.call("synapse_discover", source="bug")


def test_implements(manage):
    """Whether it is worth preparing a call."""
    pm = named(a=Gives(None))(manage())
    assert pm.implements("synapse_sinks")
    assert not pm.implements("synapse_cli")
    assert not pm.implements("no_such_hook")


def test_an_awaitable_leaves_no_warning_behind(manage):
    """The coroutine is closed, so Python does not complain of it later, somewhere else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answers(named(a=Gives(coroutine()))(manage())) == []


def test_a_plugin_says_where_it_comes_from():
    """Distribution and version; else what it was loaded from; else its name alone."""
    assert str(PluginInfo("x", "synapse-x", "0.1", "installed", "x")) == "plugin 'x' (synapse-x 0.1)"
    assert str(PluginInfo("x", ref="/tmp/x.py")) == "plugin 'x' (/tmp/x.py)"
    assert str(PluginInfo("x")) == "plugin 'x'"
