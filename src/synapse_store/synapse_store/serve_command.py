"""``synapse serve``."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from synapse_core.cli.state import State
    from synapse_store.runner import Runner


@click.command("serve", short_help="Serve a store over HTTP, with live streams.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; others need a token.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--store", default=None, metavar="URL", help="What to serve; the default store, if not given.")
@click.option("--token", envvar="SYNAPSE_TOKEN", metavar="WORD", help="What clients must send; or SYNAPSE_TOKEN.")
@click.option("--runner", metavar="DIR", help="Take up runs whose code is in this folder, when asked to on the page.")
@click.option("--allow-origin", multiple=True, metavar="ORIGIN", help="A site whose pages may ask. Repeatable.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A name of this service. Repeatable.")
@click.option("--log/--no-log", default=True, help="A JSON line a request, on standard error.")
@click.pass_context
def serve(  # noqa: PLR0917  click gives them by name
    ctx: click.Context,
    host: str,
    port: int,
    store: str | None,
    token: str | None,
    runner: str | None,
    allow_origin: tuple[str, ...],
    allow_host: tuple[str, ...],
    log: bool,
) -> None:
    """Serve a store over HTTP: to dashboards, to PipelineServiceClient, and to runs with --store http://….

    \b
    Examples:
      synapse serve                                  the default store, on http://127.0.0.1:8100
      synapse serve --store sqlite:///runs.db
      synapse serve --runner examples                runs are resumed and rerun from the page, with that code
      SYNAPSE_TOKEN=… synapse serve --host 0.0.0.0   for others, who need the token
    """  # noqa: D301  the mark is click's
    from synapse_core.cli.state import State
    from synapse_core.errors import SynapseError
    from synapse_core.session.stores import default_store
    from synapse_store.service import serve as serve_store
    from synapse_store.service.serving import check_address
    from synapse_store.service.settings import Settings
    from synapse_store.sqlite import SQLiteStore
    from synapse_store.unfinished import tell_unfinished

    check_address(host, token)
    state = ctx.find_object(State) or State()
    pm = state.manager()
    url = store or default_store(pm)
    if url.startswith(("http:", "https:")):
        raise SynapseError(f"{url} is a service already", hint="serve a store of this machine: sqlite:///runs.db")
    _log_to_stderr(log)
    settings = Settings(token, allow_origin, allow_host)
    taker = None if runner is None else _runner(runner, url, state)
    made = pm.store(url).factory(url)
    tasks: list[asyncio.Task[None]] = []

    def ready(address: str) -> None:
        _say(address, f"{url}///{made.location}" if isinstance(made, SQLiteStore) and url == "sqlite:" else url)
        tasks.append(asyncio.ensure_future(tell_unfinished(made, url, taker)))

    serve_store(made, host=host, port=port, settings=settings, runner=taker, ready=ready)


def _runner(folder: str, url: str, state: State) -> Runner:
    """What takes runs up.

    Raises:
        SynapseError: there is no such folder, or the store cannot be reached by other processes.
    """
    from synapse_core.errors import SynapseError
    from synapse_store.runner import Runner

    if url.startswith("memory:"):
        raise SynapseError("a runner is another process: it does not reach memory:", hint="--store sqlite:///runs.db")
    return Runner(folder, url, state.plugins, state.blocked)


def _say(address: str, url: str) -> None:
    click.echo(f"serving {url} on {address}  (Ctrl-C ends it)")
    sys.stdout.flush()


def _log_to_stderr(requests: bool) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("synapse.access").setLevel(logging.INFO if requests else logging.WARNING)
