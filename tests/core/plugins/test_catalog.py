"""What plugins offer: had by name, named in a conflict, checked before it is used."""

import pytest

from synapse_core.actiondef import BaseAction, action, spec_of
from synapse_core.builtin.memory import MemoryStore
from synapse_core.cli.target import find_plugin
from synapse_core.errors import DiscoveryError, NotFoundError, PluginError
from synapse_core.hookspecs import hookimpl
from synapse_core.plugins import EXTRAS, PluginInfo, import_plugin
from synapse_core.protocols import ExecutorOffer, RunInfo, StoreOffer
from synapse_core.schema import Field
from synapse_core.types import DataType, ModelWeights

RUN = RunInfo("r-1", "demo", ("train",))

OFFERS_SLURM = """
    from synapse_core.hookspecs import hookimpl
    from synapse_core.protocols import ExecutorOffer, StoreOffer

    @hookimpl
    def synapse_executors():
        return [ExecutorOffer("slurm", dict)]

    @hookimpl
    def synapse_stores():
        return [StoreOffer("Postgresql", str)]
"""


class Offers:
    """Offers what it is given."""

    def __init__(self, *, executors=(), stores=(), types=(), actions=(), sinks=(), adapters=()):
        self.calls = 0
        self.executors, self.stores, self.types = executors, stores, types
        self.actions, self.sinks, self.adapters = actions, sinks, adapters

    @hookimpl
    def synapse_executors(self):
        self.calls += 1
        return self.executors

    @hookimpl
    def synapse_stores(self):
        return self.stores

    @hookimpl
    def synapse_data_types(self):
        return self.types

    @hookimpl
    def synapse_actions(self):
        return self.actions

    @hookimpl
    def synapse_sinks(self, run):
        return self.sinks

    @hookimpl
    def synapse_model_adapters(self):
        return self.adapters


class Sink:
    def write(self, events): ...
    def close(self): ...


# -- by name ------------------------------------------------------------------------------------------------------


def test_an_executor_is_had_by_name_and_asked_for_once(manage):
    """The hook is called once a session, however often a run wants an executor."""
    offer = ExecutorOffer("slurm", dict, help="a cluster")
    plugin = Offers(executors=[offer, ExecutorOffer("k8s", dict)])
    pm = manage(plugin)
    assert pm.executor("slurm") is pm.executor("slurm") is offer
    assert [each.name for each in pm.executors()] == ["k8s", "slurm"]
    assert plugin.calls == 1
    pm.register(Offers(executors=[ExecutorOffer("late", dict)]))
    assert pm.executor("late").name == "late"


@pytest.mark.parametrize(
    "url", ["sqlite:///runs.db", "SQLite:relative.db", "sqlite+sync:x", "memory:", "http://host:8100/"]
)
def test_a_store_is_had_by_the_scheme_of_its_url(url, manage):
    """Schemes are not case sensitive."""
    stores = [StoreOffer(scheme, lambda url: MemoryStore()) for scheme in ("sqlite", "sqlite+sync", "memory", "HTTP")]
    assert manage(Offers(stores=stores)).store(url).scheme.lower() == url.partition(":")[0].lower()


@pytest.mark.parametrize("url", ["runs.db", "", "./a:b", "C/x:y"])
def test_what_is_no_url_names_no_store(url, manage):
    """A path is what people try first."""
    with pytest.raises(NotFoundError, match=r"is no URL\n  hint: write memory:, sqlite:///runs\.db"):
        manage().store(url)


def test_an_unknown_name_says_what_there_is(manage):
    """And what was meant."""
    pm = manage(Offers(executors=[ExecutorOffer("local", dict), ExecutorOffer("process", dict)]))
    with pytest.raises(NotFoundError) as caught:
        pm.executor("proces")
    assert str(caught.value) == "no executor 'proces'; did you mean 'process'? There are: local, process"


@pytest.mark.parametrize("name", ["ray", "ray-job", "ray-jobs-api", "ray-pipeline"])
def test_an_executor_of_ray_says_what_brings_it(name, manage):
    """The extra of the workspace, and the distribution."""
    with pytest.raises(NotFoundError, match=r"hint: install synapse-ray \(the extra 'ray' of synapse-workspace\)"):
        manage().executor(name)


@pytest.mark.parametrize("url", ["sqlite:///runs.db", "http://host:8100", "https://host"])
def test_a_store_that_is_not_installed_says_what_brings_it(url, manage):
    """As above."""
    with pytest.raises(NotFoundError, match=r"hint: install synapse-store \(the extra 'store' of synapse-workspace\)"):
        manage().store(url)


def test_a_distribution_that_is_installed_and_blocked_or_broken_is_not_to_be_installed(site, manage):
    """The hint says what is the matter with it."""
    site.install("ray_plugin", "import no_such_ray", distribution=EXTRAS["ray"][0], version="9.9")
    site.install("store_plugin", "", distribution=EXTRAS["sqlite"][0], version="9.9")
    pm = manage(entry_points=True, allow=("synapse-ray",), block=["store_plugin"])
    with pytest.raises(NotFoundError) as caught:
        pm.executor("ray")
    assert caught.value.hint == (
        "plugin 'ray_plugin' (synapse-ray 9.9) is broken: ModuleNotFoundError: No module named 'no_such_ray'"
    )
    with pytest.raises(NotFoundError) as caught:
        pm.store("sqlite:///x")
    assert caught.value.hint == "plugin 'store_plugin' (synapse-store 9.9) is blocked"


# -- conflicts ----------------------------------------------------------------------------------------------------


def test_two_plugins_that_offer_one_name_are_told_when_it_is_asked_for(site, manage, row):
    """Neither wins; both are named, with how to block one; every other name works."""
    site.install("one", OFFERS_SLURM)
    site.install("two", OFFERS_SLURM, version="0.2")
    pm = manage(entry_points=True, plugins=[Offers(executors=[ExecutorOffer("local", dict)])])

    assert pm.executor("local").name == "local"
    for ask in (lambda: pm.executor("slurm"), lambda: pm.store("postgresql://x")):
        with pytest.raises(PluginError, match="is offered by plugin ") as caught:
            ask()
        for part in ("plugin 'one' (synapse-one 0.1)", "plugin 'two' (synapse-two 0.2)", "-p no:one", "-p no:two"):
            assert part in str(caught.value)

    assert row(pm, "one").conflicts == (
        "executor 'slurm' is also offered by plugin 'two' (synapse-two 0.2)",
        "store 'postgresql' is also offered by plugin 'two' (synapse-two 0.2)",
    )
    assert row(pm, "one").status == "active"
    assert row(pm, "Offers").conflicts == ()
    assert manage(entry_points=True, block=["one"]).executor("slurm").name == "slurm"


def test_a_builtin_plugin_does_not_win_a_conflict(site, manage):
    """What a user has installed must not be passed over in silence."""
    site.write("own.py", OFFERS_SLURM)
    site.install("theirs", OFFERS_SLURM)
    pm = manage(builtins=[("own", "own")], entry_points=True)
    with pytest.raises(
        PluginError, match=r"plugin 'own' \(synapse-core .*\) and plugin 'theirs' \(synapse-theirs 0.1\)"
    ):
        pm.executor("slurm")


def test_a_plugin_that_offers_a_name_twice_is_told(manage, row):
    """Blocking would not help."""
    pm = manage(Offers(executors=[ExecutorOffer("x", dict), ExecutorOffer("x", list)]))
    with pytest.raises(PluginError, match=r"^plugin 'Offers' offers the executor 'x' 2 times$"):
        pm.executor("x")
    assert row(pm, "Offers").conflicts == ("executor 'x' is also offered by plugin 'Offers'",)


# -- what is no offer ---------------------------------------------------------------------------------------------

WRONG = {
    "executors": ("executors", "synapse_executors", lambda pm: pm.executors(), "where an ExecutorOffer is wanted"),
    "stores": ("stores", "synapse_stores", lambda pm: pm.stores(), "where a StoreOffer is wanted"),
    "types": ("types", "synapse_data_types", lambda pm: pm.data_types(), "where a subclass of DataType is wanted"),
    "actions": ("actions", "synapse_actions", lambda pm: pm.actions(), "is no action"),
    "sinks": ("sinks", "synapse_sinks", lambda pm: pm.sinks(RUN), "which is no sink: it has no write()"),
    "adapters": ("adapters", "synapse_model_adapters", lambda pm: pm.adapters(), "which is no model adapter: it has"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_an_object_of_the_wrong_kind_is_reported_and_left_out(kind, manage, row):
    """It would fail later, and elsewhere."""
    attribute, hook, ask, error = WRONG[kind]
    pm = manage(Offers(**{attribute: [object()]}))
    ask(pm)
    (problem,) = row(pm, "Offers").problems
    assert problem.startswith(f"hook {hook!r} of plugin 'Offers' failed: ")
    assert error in problem


@pytest.mark.parametrize("kind", WRONG)
def test_one_object_in_place_of_a_list_is_reported(kind, manage, row):
    """A plugin gives an iterable, even of one."""
    attribute, _, ask, _ = WRONG[kind]
    pm = manage(Offers(**{attribute: object()}))
    ask(pm)
    assert "'object' object is not iterable" in row(pm, "Offers").problems[0]


def test_a_class_in_place_of_a_sink_is_reported_and_the_sinks_beside_it_work(manage, row):
    """Its write() would be called without self."""
    sink = Sink()
    pm = manage(Offers(sinks=[Sink, sink]))
    assert pm.sinks(RUN) == [("Offers", sink)]
    assert "gave the class Sink, which is no sink; give an instance" in row(pm, "Offers").problems[0]


def test_an_object_that_raises_when_it_is_looked_at_is_reported(manage, row):
    """Whatever it is, it is its plugin's."""

    class Trap:
        def __getattribute__(self, name):
            raise RuntimeError("do not look")

    pm = manage(Offers(sinks=[Trap()]))
    assert pm.sinks(RUN) == []
    assert "RuntimeError: do not look" in row(pm, "Offers").problems[0]


# -- actions, types, models ---------------------------------------------------------------------------------------


class Train(BaseAction[dict[str, int]]):
    def execute(self):
        return {}


@action
def convert(params):
    return params


def test_actions_say_which_plugin_brings_them(manage):
    """Classes, functions and specs; the spec of a class is not changed for everybody."""
    pm = manage(Offers(actions=[Train, convert, spec_of(Train)]))
    assert [(spec.name, spec.plugin) for spec in pm.actions()] == [
        ("train", "Offers"),
        ("convert", "Offers"),
        ("train", "Offers"),
    ]
    assert pm.actions()[0].load() is Train
    assert spec_of(Train).plugin == ""


def test_types_of_plugins_are_had_by_name_beside_the_standard_ones(manage):
    """As a config.yaml names them."""

    class PointCloud(DataType): ...

    types = manage(Offers(types=[PointCloud])).data_types()
    assert types.get("point_cloud") is PointCloud
    assert types.get("ModelWeights") is ModelWeights


def test_a_type_whose_name_is_taken_is_reported(manage, row):
    """Both plugins are named."""

    class First(DataType):
        name = "cloud"

    class Second(DataType):
        name = "cloud"

    pm = manage()
    pm.register(Offers(types=[First]), "first")
    pm.register(Offers(types=[Second]), "second")
    assert pm.data_types().get("cloud") in {First, Second}
    assert row(pm, "first").conflicts == ("data type 'cloud' is also offered by plugin 'second'",)
    assert "two data types are called 'cloud'" in "".join(problem.error for problem in pm.problems)


SCANS = """
from synapse_core import action

class Scan:
    columns = ("x", "y")

@action("scan")
def scan(params: Scan, ctx): ...
"""


class Columns:
    """Classes that name their columns are models."""

    def handles(self, cls):
        return hasattr(cls, "columns")

    def structure(self, data, cls):
        return cls()

    def unstructure(self, obj):
        return {}

    def fields(self, cls):
        return tuple(Field(name, int) for name in cls.columns)

    def json_schema(self, cls):
        return {"type": "object", "properties": {name: {"type": "integer"} for name in cls.columns}}


@pytest.mark.parametrize("find", [lambda pm, source: pm.discover(source), find_plugin], ids=["discover", "find_plugin"])
def test_a_plugin_of_actions_knows_what_other_plugins_bring(manage, tmp_path, find):
    """The types that its config names, and the kinds of its actions' params."""

    class Sweep(DataType): ...

    (tmp_path / "config.yaml").write_text("actions: {scan: {entrypoint: scans:scan, input_type: sweep}}")
    (tmp_path / "scans.py").write_text(SCANS)
    pm = manage("synapse_core.builtin.config", Offers(types=[Sweep], adapters=[Columns()]))
    plugin = find(pm, str(tmp_path))
    assert plugin.get_input_type("scan") is Sweep
    assert plugin.get_params_schema("scan")["properties"] == {"x": {"type": "integer"}, "y": {"type": "integer"}}
    assert plugin.check() == ()


@pytest.mark.parametrize("find", [lambda pm, source: pm.discover(source), find_plugin], ids=["discover", "find_plugin"])
def test_what_is_no_plugin_of_actions_is_refused(manage, find):
    """With the plugin that gave it; what has the methods of one will do."""

    class Gives:
        def __init__(self, given):
            self.given = given

        @hookimpl
        def synapse_discover(self, source):
            return self.given

    class OfItsOwnMake:
        def list_actions(self): ...
        def list_pipelines(self): ...
        def spec(self, name): ...

    says = "hook 'synapse_discover' of plugin 'Gives' failed: gave an object of type str, which is no plugin of actions"
    with pytest.raises(PluginError, match=says):
        find(manage(Gives("x")), "somewhere")
    made = OfItsOwnMake()
    assert find(manage(Gives(made)), "somewhere") is made


def test_converters_are_there_only_where_a_plugin_wants_them(manage):
    """A schema without plugins can be shared."""

    class Money:
        @hookimpl
        def synapse_converter(self, converter):
            converter.append("money")

    assert manage().converters() == []
    called: list[str] = []
    for customize in manage(Money()).converters():
        customize(called)
    assert called == ["money"]


def test_nobody_can_read_the_source(manage):
    """What was looked for is told; plugins that failed on it are named."""

    class Fails:
        @hookimpl
        def synapse_discover(self, source):
            raise ValueError(source)

    with pytest.raises(
        DiscoveryError, match=r"^no plugin 'scheme\+x': no file or folder /.*/scheme\+x\n  hint: give a folder"
    ):
        manage().discover("scheme+x")
    with pytest.raises(DiscoveryError) as caught:
        manage(Fails()).discover("git+x")
    assert "(hook 'synapse_discover' of plugin 'Fails' failed: ValueError: git+x)" in caught.value.message


# -- workers ------------------------------------------------------------------------------------------------------

ACTS = """
    from synapse_core.hookspecs import hookimpl

    class Tracer:
        @hookimpl(wrapper=True)
        def synapse_run_action(self, call):
            return (yield)

    tracer = Tracer()

    @hookimpl
    def synapse_autolog(framework, ctx):
        return None
"""


class ActsHere:
    @hookimpl
    def synapse_converter(self, converter): ...


class Standing:
    """A class is named by its module and name; an instance is not."""

    @staticmethod
    @hookimpl
    def synapse_model_adapters():
        return []


def test_plugins_that_act_in_workers_are_named_for_them(site, manage):
    """By what imports them anew; in the order of registration, which is the order of the wrappers."""
    site.install("acts", ACTS, points="acts = acts:tracer [extra]")
    file = site.write("acting file.py", ACTS)
    here = ActsHere()
    site.write("idle.py", OFFERS_SLURM)
    pm = manage(entry_points=True, plugins=["idle", "acts", str(file), here, Standing])

    assert pm.worker_hooks() == ("acts:tracer", "acts", str(file), f"{__name__}:Standing")
    assert here in pm.worker_plugins()
    assert [import_plugin(ref) for ref in pm.worker_hooks()] == [
        each for each in pm.worker_plugins() if each is not here
    ]
    pm.register(ActsHere(), "another")
    assert len(pm.worker_plugins()) == len(pm.worker_hooks()) + 2


def test_a_given_module_is_named_for_workers(site, manage):
    """As one that was given by its name is."""
    site.write("acts.py", ACTS)
    assert manage(import_plugin("acts")).worker_hooks() == ("acts",)


def test_what_the_main_module_defines_has_no_name_for_workers(manage, monkeypatch):
    """There, the main module is another."""
    monkeypatch.setattr(Standing, "__module__", "__main__")
    pm = manage(Standing)
    assert (pm.worker_hooks(), pm.worker_plugins()) == ((), (Standing,))


# -- rows ---------------------------------------------------------------------------------------------------------


def test_rows_of_a_hook_come_in_the_order_of_calls(site, manage):
    """With or without the prefix; an unknown one says what there is."""
    site.install("slurm", OFFERS_SLURM)
    pm = manage(Offers(), entry_points=True)
    assert [row.name for row in pm.rows("synapse_executors")] == [row.name for row in pm.rows("executors")]
    assert [row.name for row in pm.rows("executors")] == ["Offers", "slurm"]
    assert pm.rows("synapse_cli") == []
    with pytest.raises(NotFoundError, match="no hook 'synapse_sink'; did you mean 'synapse_sinks'"):
        pm.rows("synapse_sink")


def test_a_row_says_everything(site, manage, row):
    """Name, distribution, version, status, hooks, where it comes from."""
    site.install("slurm", OFFERS_SLURM, version="1.5")
    slurm = row(manage(entry_points=True), "slurm")
    assert (slurm.name, slurm.distribution, slurm.version) == ("slurm", "synapse-slurm", "1.5")
    assert (slurm.status, slurm.error, slurm.builtin, slurm.source) == ("active", None, False, "installed")
    assert set(slurm.hooks) == {"synapse_executors", "synapse_stores"}
    assert str(PluginInfo("slurm", "synapse-slurm", "1.5")) == "plugin 'slurm' (synapse-slurm 1.5)"
