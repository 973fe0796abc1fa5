"""``synapse ray status``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from synapse_core.cli.helping import epilog
from synapse_core.cli.state import debug_option

if TYPE_CHECKING:
    from synapse_ray.status import Status

_EPILOG = epilog("""
Examples:
  synapse ray status
  synapse ray status --ray-address 10.0.0.5:6379
  synapse ray status --json
""")


@click.group("ray", epilog=_EPILOG)
def ray() -> None:
    """Look at the Ray cluster that runs are run on."""


@ray.command(epilog=_EPILOG)
@click.option(
    "--ray-address",
    default="auto",
    show_default=True,
    metavar="ADDRESS",
    help="The cluster: auto (SYNAPSE_RAY_ADDRESS, else that of this machine), HOST:PORT, or ray://HOST:PORT.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debug_option
def status(ray_address: str, as_json: bool) -> int:
    """Show the cluster's nodes, and the runs that live there.

    Of each node what it has, of them all what is free. Whatever keeps this machine from using the cluster is said
    instead, with what to do.
    """
    from synapse_core.cli.tables import show_json
    from synapse_ray.status import look

    found = look(ray_address)
    if as_json:
        show_json(found.to_json())
    else:
        _show(found)
    return 0


def _show(found: Status) -> None:
    from synapse_core.cli.tables import show, table
    from synapse_ray.placing import amount_text

    click.echo(f"Ray {found.ray} on Python {found.python}, head at {found.address}\n")
    heads = ("NODE", "ADDRESS", "STATE", "CPUS", "GPUS", "MEMORY", "OBJECTS", "CUSTOM")
    show(table(heads, [_row(node) for node in found.nodes]))
    free = ", ".join(f"{amount_text(name, value)} {_LABELS.get(name, name)}" for name, value in found.free.items())
    click.echo(f"\nfree: {free or 'nothing'}")
    for run_id in found.runs:
        click.echo(
            f"runs: {run_id}  (`synapse runs watch {run_id[:16]} --store ray:{found.address}` if no service keeps it)"
        )
    if not found.runs:
        click.echo("runs: none")


_LABELS = {"CPU": "CPUs", "GPU": "GPUs", "memory": "memory", "object_store_memory": "for objects"}


def _row(node: Mapping[str, Any]) -> tuple[str, ...]:
    from synapse_ray.placing import amount_text

    own, has = dict(node["resources"]), node["resources"]
    usual = [amount_text(name, has.get(name, 0.0)) for name in _LABELS]
    custom = ", ".join(f"{name} {own[name]:g}" for name in own if name not in _LABELS)
    state = "alive" if node["alive"] else "dead"
    return (node["id"][:12], node["address"], f"{state}, head" if node["head"] else state, *usual, custom or "–")
