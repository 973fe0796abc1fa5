"""Actions: a `BaseAction` class with ``execute``, or a function under `action`; `ActionSpec` says what one is.

The room is not called ``action`` because that is what the decorator is called on the package's front page.
"""

from synapse_core.actiondef.base import BaseAction, NoResult, PluginCategory
from synapse_core.actiondef.decorator import action
from synapse_core.actiondef.spec import ActionSpec, is_action, spec_of
from synapse_core.actiondef.target import import_target, split_entrypoint

__all__ = [
    "ActionSpec",
    "BaseAction",
    "NoResult",
    "PluginCategory",
    "action",
    "import_target",
    "is_action",
    "spec_of",
    "split_entrypoint",
]
