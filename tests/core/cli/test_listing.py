"""``synapse actions``, ``graph`` and ``plugins``: what there is."""

from __future__ import annotations

import json

from tests.core.cli.helpers import Here


def test_the_actions_of_a_plugin(plugin: Here) -> None:
    """Name, description, params with type, default and help; a broken one with what is wrong; the pipelines."""
    done = plugin.synapse("actions", "plug")
    assert done.code == 0
    assert done.out.startswith("Plug 1.2.3\n")
    assert 'load\n  Load the data\n    source  str  = "nowhere"\n' in done.out
    rows = [line.split(maxsplit=2) for line in done.out.splitlines() if line.startswith("    ")]
    assert ["data", "str", "(required)"] in rows
    assert next(row for row in rows if row[0] == "epochs")[2].split() == ["=", "3", "passes"]
    assert "gone\n  cannot be loaded: " in done.out
    assert "steps.missing" in done.out
    assert "pipelines: both" in done.out


def test_the_actions_as_json(plugin: Here) -> None:
    """The same for programs; a secret's default is not told."""
    told = plugin.synapse("actions", "plug", "--json").json
    assert (told["code"], told["version"], told["pipelines"]) == ("plug", "1.2.3", ["both"])
    load, train, gone = told["actions"]
    assert load["params"] == [
        {"name": "source", "type": "str", "required": False, "description": "", "default": "nowhere"}
    ]
    by_name = {param["name"]: param for param in train["params"]}
    assert by_name["data"]["required"]
    assert by_name["epochs"] == {
        "name": "epochs", "type": "int", "required": False, "description": "passes", "default": 3
    }  # fmt: skip
    assert by_name["optimizer"]["default"] == {"name": "adam", "momentum": 0.9}
    assert by_name["token"]["secret"]
    assert "default" not in by_name["token"]
    assert train["result"] == "Trained"
    assert "steps.missing" in gone["error"]
    assert "params" not in gone


def test_one_action(plugin: Here) -> None:
    """Its params and what it is; its JSON Schema; its form; and JSON of all that."""
    done = plugin.synapse("actions", "plug", "train")
    assert done.code == 0
    assert done.out.startswith("train\n  Train the model.\n")
    assert "entrypoint:  steps.work:Train" in done.out
    assert "result:      Trained" in done.out
    schema = plugin.synapse("actions", "plug", "train", "--schema").json
    assert schema["properties"]["epochs"]["minimum"] == 1
    assert schema["required"] == ["data"]
    form = plugin.synapse("actions", "plug", "train", "--ui").json
    assert {node.get("name") for node in form} >= {"data", "epochs"}
    assert plugin.synapse("actions", "plug", "train", "--json").json["name"] == "train"


def test_actions_that_are_not_there(plugin: Here) -> None:
    """Exit code 2 for an unknown action, a broken one, and a form of all."""
    assert "did you mean 'train'?" in plugin.synapse("actions", "plug", "trian").err
    broken = plugin.synapse("actions", "plug", "gone")
    assert (broken.code, broken.out) == (2, "")
    assert "steps.missing" in broken.err
    assert plugin.synapse("actions", "plug", "--schema").code == 2


def test_what_is_wrong_with_a_module_is_told(here: Here) -> None:
    """A module that cannot be imported hides its actions from nobody: it is named."""
    here.write("pack/__init__.py", "")
    here.write("pack/good.py", "from synapse_core import action\n@action('good')\ndef good(params, ctx): ...\n")
    here.write("pack/bad.py", "import not_installed\nfrom synapse_core import action\n@action\ndef bad(p, c): ...\n")
    done = here.synapse("actions", "pack")
    assert done.code == 0
    assert "good" in done.out
    assert "not_installed" in done.out + done.err


def test_actions_of_installed_plugins(here: Here) -> None:
    """Without a target the actions of all plugins are listed; a plugin's name is a target."""
    assert "No installed plugin brings actions" in here.synapse("actions").out
    here.write(
        "brought.py",
        """
        from synapse_core import action, hookimpl, spec_of

        @action("greet", description="Say hello")
        def greet(params: dict, ctx) -> dict:
            return {"said": f"hello {params['name']}"}

        @hookimpl
        def synapse_actions():
            return [spec_of(greet)]
        """,
    )
    done = here.synapse("--plugin", "brought.py", "actions")
    assert [line.split() for line in done.out.splitlines()] == [
        ["PLUGIN", "ACTION", "DESCRIPTION"],
        ["brought", "greet", "Say", "hello"],
    ]
    assert "greet" in here.synapse("--plugin", "brought.py", "actions", "brought").out
    ran = here.synapse("-p", "brought.py", "run", "brought", "-q", "-p", "name=you")
    assert (ran.code, ran.json) == (0, {"said": "hello you"})


def test_the_graph_of_a_pipeline(plugin: Here) -> None:
    """Drawn for the terminal, and as Mermaid; one that a folder names, too."""
    assert plugin.synapse("graph", "flow.py:pipeline").out.strip() == "load ── train"
    assert plugin.synapse("graph", "plug").out.strip() == "load ── train"
    assert plugin.synapse("graph", "plug", "both").out.strip() == "load ── train"
    mermaid = plugin.synapse("graph", "plug:both", "--format", "mermaid")
    assert "flowchart" in mermaid.out
    assert plugin.synapse("graph", "plug", "bath").code == 2


def test_the_plugins(here: Here) -> None:
    """Name, distribution, version, status and hooks; a broken one with its error, a blocked one unloaded."""
    here.write("broken.py", "import not_installed\n")
    done = here.synapse("--plugin", "broken.py", "-p", "no:memory", "plugins")
    rows = {line.split()[0]: line.split()[1:] for line in done.out.splitlines() if line and ":" not in line}
    assert done.code == 0
    assert rows["NAME"] == ["DISTRIBUTION", "VERSION", "STATUS", "HOOKS"]
    assert rows["local"][2:] == ["active", "executors"]
    assert rows["memory"][2:] == ["blocked", "-"]
    assert rows["broken"][2:] == ["broken", "-"]
    assert "broken: ModuleNotFoundError: No module named 'not_installed'" in done.out
    assert done.err == ""
    told = {row["name"]: row for row in here.synapse("--plugin", "broken.py", "plugins", "--json").json}
    assert told["broken"]["status"] == "broken"
    assert told["console"]["hooks"] == ["synapse_sinks"]
    assert "Traceback" in here.synapse("--debug", "--plugin", "broken.py", "plugins").out


def test_plugins_that_offer_one_name(here: Here) -> None:
    """Each says which other does."""
    here.write(
        "mine.py",
        """
        from synapse_core import hookimpl
        from synapse_core.protocols import ExecutorOffer

        @hookimpl
        def synapse_executors():
            return [ExecutorOffer("local", dict)]
        """,
    )
    told = here.synapse("--plugin", "mine.py", "plugins").out.splitlines()
    for one, other in (("local", "mine"), ("mine", "local")):
        assert any(line.startswith(f"{one}: executor 'local' is also offered by plugin '{other}' (") for line in told)


def test_the_plugins_of_a_hook(here: Here) -> None:
    """Only those that implement it; an unknown hook is guessed."""
    done = here.synapse("plugins", "--hook", "executors", "--json")
    assert {row["name"] for row in json.loads(done.out)} >= {"local", "process"}
    assert "console" not in done.out
    wrong = here.synapse("plugins", "--hook", "executor")
    assert wrong.code == 2
    assert "synapse_executors" in wrong.err


def test_names_beyond_ascii_and_blanks_in_paths(here: Here) -> None:
    """A default is shown as it is written; a command that is proposed can be copied, whatever the path."""
    here.write(
        "my plug.py",
        """
        import attrs
        from synapse_core import action

        @attrs.frozen
        class Params:
            größe: str = "groß"

        @action
        def messen(params: Params): ...

        @action
        def wiegen(params: Params): ...
        """,
    )
    assert 'größe  str  = "groß"' in here.synapse("actions", "my plug.py").out
    assert "hint: say which one to run: `synapse run 'my plug.py' messen`" in here.synapse("run", "my plug.py").err
    wrong = here.synapse("run", "my plug.py", "messen", "-p", "grösse=x")
    assert "hint: `synapse actions 'my plug.py'` shows" in wrong.err
    assert "`synapse run 'my plug.py' -p 'größe=x'`" in here.synapse("run", "my plug.py", "größe=x").err
    assert "my plug.py'`" in here.synapse("actions", "my plug.py", "gone").err
