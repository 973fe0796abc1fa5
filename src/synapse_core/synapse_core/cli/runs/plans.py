"""What a resume would do, action by action, and why: as a table, as JSON, in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import asdict

from synapse_core.cli import codes
from synapse_core.cli.tables import show_json
from synapse_core.cli.telling import complain, say
from synapse_core.engine.resume import ActionDecision, ResumePlan

_STYLES = {"reuse": "green", "run": "cyan", "go on": "cyan", "changed": "bold red"}
_HINT = "undo the change; or --force runs what has changed, and all that follows it"


def tell_plan(plan: ResumePlan | None, *, as_json: bool) -> int:
    """Print the plan; the exit code says whether the resume would be refused.

    Args:
        plan: None where there is nothing to resume from, and that is fine.
        as_json: as JSON.
    """
    actions = () if plan is None else plan.actions
    changed = () if plan is None else plan.changed
    if as_json:
        told = [{**asdict(action), "changes": list(action.changes)} for action in actions]
        show_json({"run_id": plan.run_id if plan else None, "refused": bool(changed), "actions": told})
    elif plan is None:
        say("there is nothing to resume from: all would be run")
    else:
        _print(actions)
        if changed:
            complain("it would be refused: what was completed has changed since", _HINT)
    return codes.USAGE if changed else codes.COMPLETED


def words_of(plan: ResumePlan | None) -> str:
    """``resumes 01a1…: reuses download, convert; goes on with train; runs evaluate``."""
    if plan is None:
        return "starts afresh: there was nothing to resume from"
    groups: dict[str, list[str]] = {}
    for action in plan.actions:
        groups.setdefault(_word(action), []).append(action.name)
    verbs = (("reuse", "reuses"), ("go on", "goes on with"), ("run", "runs"), ("changed", "runs"))
    told = [f"{verb} {_listed(groups[word])}" for word, verb in verbs if word in groups]
    return f"takes up {plan.run_id}: {'; '.join(told)}"


def _print(actions: Sequence[ActionDecision]) -> None:
    from rich.text import Text

    from synapse_core.cli.runs.tables import print_table

    words = [(action, _word(action)) for action in actions]
    rows = [(action.name, Text(word, _STYLES[word]), action.why) for action, word in words]
    print_table(("ACTION", "DOES", "WHY"), rows)


def _word(action: ActionDecision) -> str:
    return "go on" if action.decision == "run" and action.goes_on else action.decision


def _listed(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
