"""``synapse runs resume`` and ``rerun``: a new run of an old one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from synapse_core.cli.elsewhere import Elsewhere, see_elsewhere
from synapse_core.cli.engines import Engine
from synapse_core.cli.holding import Held
from synapse_core.cli.params import Wanted, read_params
from synapse_core.cli.running import check_options
from synapse_core.cli.runs.finding import find_run, opened
from synapse_core.cli.runs.plans import tell_plan, words_of
from synapse_core.cli.seeing import Display, display_of, output_for, see_through, sigterm_as_interrupt
from synapse_core.cli.state import State
from synapse_core.cli.target import Target, find_lasting, lasting, split_words
from synapse_core.cli.telling import say, warn
from synapse_core.engine.resume import without
from synapse_core.errors import RunNotFoundError, SynapseError
from synapse_core.events import now
from synapse_core.pipeline import PipelineGraph, Plan
from synapse_core.protocols import RunRecord

if TYPE_CHECKING:
    from synapse_core.plugins import PluginManager
    from synapse_core.session import Session


@frozen(kw_only=True)
class Order:
    """What ``synapse runs resume`` or ``rerun`` was asked for."""

    run: str
    pairs: Sequence[str]
    file: str | None
    target: str | None
    executor: str | None
    options: Sequence[str]
    plan_only: bool
    display: Display
    store: str | None
    force: bool = False
    missing_ok: bool = False
    rerun_from: str | None = None

    @property
    def shown(self) -> Display:
        """What is shown: a plan that is not asked for as JSON is for people, --quiet or not."""
        return "plain" if self.plan_only and self.display != "json" else self.display

    @classmethod
    def of(cls, *, watch: bool | None, as_json: bool, quiet: bool, **said: Any) -> Order:
        """The order that the options mean."""
        return cls(display=display_of(watch=watch, as_json=as_json, quiet=quiet), **said)


def take_up(state: State, order: Order) -> int:
    """Make the new run, or say what it would do; the exit code.

    Raises:
        SynapseError: nothing could be run: the run, its pipeline or the params are wrong.
        PipelineChangedError: what was completed has changed since.
        StoreError: the run still goes on; or what happened could not be stored.
    """
    with sigterm_as_interrupt(), output_for(order.shown), opened(state, order.store) as session:
        record = _record(session, order)
        target = _pipeline(session.pm, record, order.target)
        params = read_params(order.pairs, order.file, target.wanted(session.schema))
        how = _options(session, record, order)
        plan = session.plan_resume(target.graph, params, **how)
        if plan is not None and order.force:
            plan = without(target.graph.plan, plan)
        if order.plan_only:
            _warn_if_alive(session, record.id)
            return tell_plan(plan, as_json=order.display == "json")
        for doubt in target.graph.validate_initial_params({**record.params, **params}, schema=session.schema):
            warn(doubt)
        offer = session.pm.executor(how["executor"])
        if offer.runs == "pipeline":
            place = Elsewhere(offer, how.pop("options", {}), order.store)
            del how["executor"]
            return see_elsewhere(
                state, place, lambda host, new: host.submit(target.graph, params, run_id=new, **how), order.display
            )
        with Held() as held:
            run_id = session.submit(target.graph, params, display=order.display, **how)
            say(f"run {run_id} {words_of(plan)}")
            return see_through(session, run_id, order.display, store=order.store, held=held)


def _record(session: Session, order: Order) -> RunRecord:
    """The run that is resumed; one of which nothing is known, where that is fine and the pipeline is named."""
    try:
        return session.call(session.store.record(find_run(session, order.run, order.store)))
    except RunNotFoundError:
        if order.missing_ok and order.target is not None:
            return RunRecord(order.run, "", {}, {}, now())
        raise


def _warn_if_alive(session: Session, run_id: str) -> None:
    """Say that the run still goes on, and would not be taken up now."""
    try:
        engine = Engine.of(session, session.progress(run_id))
    except RunNotFoundError:  # nor need there be one
        return
    if engine.lives:
        warn(f"run {run_id} is run by {engine.where}: it can be taken up when that has ended")


def _pipeline(pm: PluginManager, record: RunRecord, target: str | None) -> Target:
    """The pipeline as it is now: from ``target``, from where the run's was loaded, else as the store has it.

    Raises:
        SynapseError: it cannot be loaded any more.
    """
    where = target or record.target
    try:
        return find_lasting(pm, where) if where else _as_stored(record)
    except SynapseError as error:
        error.hint = (
            f"{error.hint + '; or ' if error.hint else ''}if the pipeline has moved, say where it is by --target"
        )
        raise


def _as_stored(record: RunRecord) -> Target:
    from synapse_core.discovery.loading import load_action

    return Target(PipelineGraph.of_plan(Plan.from_data(record.plan, loader=load_action)))


def _options(session: Session, record: RunRecord, order: Order) -> dict[str, Any]:
    """How the new run is run: as the old one, but for what was said.

    Raises:
        SynapseError: there is no such executor here, or it does not know an option.
    """
    kept = {name: value for name, value in record.options.items() if value is not None}
    if order.executor is not None or order.options:
        kept["options"] = read_params(order.options, None, Wanted(session.schema))
    executor = kept["executor"] = order.executor or kept.get("executor", "local")
    offer = session.pm.executor(executor)
    check_options(offer.factory, kept.get("options", {}), executor)
    again = {"resume_from": record.id, "rerun_from": order.rerun_from, "force": order.force}
    where = lasting(*split_words(order.target)[:2]) if order.target else record.target
    return {**kept, **again, "missing_ok": order.missing_ok, "name": record.name or None, "target": where}
