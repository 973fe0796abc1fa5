"""What it costs to begin: importing the package, and the command's first word."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.suite import Theme, Work
from benchmarks.timing import cpu_over_nothing, wall_of

theme = Theme()

_PARTS = "import pluggy, attrs, cattrs"


@theme.measures("import synapse_core", bare=_PARTS, target=80e-3)
def import_package() -> Iterator[Work]:
    """CPU, user and system, that the import adds to a Python that does nothing."""
    yield Work(cpu_over_nothing("import synapse_core"), cpu_over_nothing(_PARTS))


@theme.measures("import of what one uses first", bare=_PARTS, target=80e-3)
def import_names() -> Iterator[Work]:
    """As above, for ``from synapse_core import BaseAction, ActionPipeline, LocalExecutor``.

    The package loads its names when they are first used, so this is what a program pays.
    """
    code = "from synapse_core import BaseAction, ActionPipeline, LocalExecutor"
    yield Work(cpu_over_nothing(code), cpu_over_nothing(_PARTS))


@theme.measures("synapse --help", bare="python -c 'import click', and a help text printed by it", target=200e-3)
def command_help() -> Iterator[Work]:
    """Wall time of the installed command, from start to end."""
    program = "import click; click.Command('bare', help='Does nothing.').main(['--help'])"
    synapse = str(Path(sys.executable).with_name("synapse"))
    yield Work(wall_of([synapse, "--help"]), wall_of([sys.executable, "-c", program]))
