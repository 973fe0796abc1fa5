"""A cattrs converter that remembers for which types somebody gave it hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cattrs import Converter

Predicate = Callable[[Any], bool]


class RecordingConverter(Converter):
    """What plugins configure: a plain cattrs converter to them.

    Types it was given hooks for, once ``recording``, are left to it (`structures`, `unstructures`); Synapse's own
    hooks take the rest. Only public methods of cattrs are overridden; its decorators and strategies call them too.
    """

    recording = False

    def __init__(self, **options: Any) -> None:
        self._structured: list[Predicate] = []
        self._unstructured: list[Predicate] = []
        super().__init__(**options)

    def structures(self, wanted: Any) -> bool:
        """Whether somebody gave a structure hook for the type."""
        return any(_holds(check, wanted) for check in self._structured)

    def unstructures(self, wanted: Any) -> bool:
        """Whether somebody gave an unstructure hook for the type."""
        return any(_holds(check, wanted) for check in self._unstructured)

    def register_structure_hook(self, cl: Any, func: Any = None) -> Any:
        """See cattrs."""
        if self.recording and func is not None:
            self._structured.append(_covers(cl))
        return super().register_structure_hook(cl, func)

    def register_structure_hook_func(self, check_func: Predicate, func: Any) -> None:
        """See cattrs."""
        if self.recording:
            self._structured.append(check_func)
        super().register_structure_hook_func(check_func, func)

    def register_structure_hook_factory(self, predicate: Predicate, factory: Any = None) -> Any:
        """See cattrs."""
        if self.recording:
            self._structured.append(predicate)
        return super().register_structure_hook_factory(predicate, factory)

    def register_unstructure_hook(self, cls: Any = None, func: Any = None) -> Any:
        """See cattrs."""
        if self.recording and func is not None:
            self._unstructured.append(_covers(cls))
        return super().register_unstructure_hook(cls, func)

    def register_unstructure_hook_func(self, check_func: Predicate, func: Any) -> None:
        """See cattrs."""
        if self.recording:
            self._unstructured.append(check_func)
        super().register_unstructure_hook_func(check_func, func)

    def register_unstructure_hook_factory(self, predicate: Predicate, factory: Any = None) -> Any:
        """See cattrs."""
        if self.recording:
            self._unstructured.append(predicate)
        return super().register_unstructure_hook_factory(predicate, factory)


def _covers(registered: Any) -> Predicate:
    """A hook for a class is one for its subclasses too, as cattrs has it."""
    if isinstance(registered, type):
        return lambda wanted: wanted == registered or (isinstance(wanted, type) and issubclass(wanted, registered))
    return lambda wanted: wanted == registered


def _holds(check: Predicate, wanted: Any) -> bool:
    try:
        return bool(check(wanted))
    except Exception:  # noqa: BLE001  as cattrs: a predicate that cannot be asked about a type does not hold for it
        return False
