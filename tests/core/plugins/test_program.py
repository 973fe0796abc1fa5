"""A real program, with plugins installed that are broken in every way, runs, and names them."""

import os
import subprocess
import sys

SINKS = "from synapse_core.hookspecs import hookimpl\n@hookimpl\n"
OFFERS = (
    "from synapse_core.hookspecs import hookimpl\nfrom synapse_core.protocols import ExecutorOffer\n"
    "@hookimpl\ndef synapse_executors(): return [ExecutorOffer('fast', dict)]\n"
)

BROKEN = {
    "bad_import": ("import no_such_library", "No module named 'no_such_library'"),
    "bad_exit": ("raise SystemExit(9)", "it tried to end the program"),
    "bad_hook": (f"{SINKS}def synapse_sink(run): return []\n", "no hook 'synapse_sink'; did you mean 'synapse_sinks'?"),
    "bad_argument": (f"{SINKS}def synapse_sinks(rum): return []\n", "no argument 'rum'; did you mean 'run'?"),
    "bad_async": (f"{SINKS}async def synapse_sinks(run): return []\n", "is `async def`"),
    "bad_generator": (
        f"{SINKS}def synapse_sinks(run): return (1 / 0 for _ in 'x')\n",
        "hook 'synapse_sinks' of plugin 'bad_generator' (synapse-bad_generator 0.1) failed: ZeroDivisionError",
    ),
    "bad_start": (f"{SINKS}def synapse_run_started(run): raise KeyError(run.name)\n", "failed: KeyError: 'demo'"),
    "twin_one": (OFFERS, ""),
    "twin_two": (OFFERS, ""),
}

PROGRAM = """
from synapse_core import BaseAction, PluginError, Session

class Train(BaseAction[dict]):
    def execute(self):
        return {"trained": True}

with Session() as session:
    print(session.execute([Train], name="demo"))
    try:
        session.execute([Train], executor="fast")
    except PluginError as error:
        print(error)
"""


def test_a_program_outlives_its_plugins(site, tmp_path):
    """The run completes; standard error names each plugin with what is wrong; a conflict is told to who asks."""
    for name, (code, _) in BROKEN.items():
        site.install(name, code)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    path = os.pathsep.join([str(site.root), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "SYNAPSE_HOME": str(tmp_path / "home")}

    done = subprocess.run(
        [sys.executable, str(program)], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    result, *conflict = done.stdout.splitlines()
    assert result == "{'trained': True}"
    for part in ("executor 'fast' is offered by plugin 'twin_one'", "plugin 'twin_two'", "-p no:twin_two"):
        assert part in "".join(conflict)
    told = done.stderr.splitlines()
    for name, (_, error) in BROKEN.items():
        if error:
            assert [line for line in told if f"plugin '{name}' (synapse-{name} 0.1)" in line and error in line]
