"""Makes the hook for any type, once, out of those for the types inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import RLock
from typing import Any

from cattrs import Converter

from synapse_core.schema.builtin import is_typed_dict
from synapse_core.schema.classes import adapter_hook, explaining_hook, generated_hook
from synapse_core.schema.constraints import broken
from synapse_core.schema.containers import Hooks, mapping_hook, record_hook, sequence_hook, set_hook, tuple_hook
from synapse_core.schema.converter import RecordingConverter
from synapse_core.schema.generics import origin_of
from synapse_core.schema.kinds import Kind, Wanted, classify
from synapse_core.schema.names import type_name
from synapse_core.schema.problems import Problem, Problems, mismatch
from synapse_core.schema.registry import Models
from synapse_core.schema.rules import VALUE, from_metadata, validators_in
from synapse_core.schema.scalars import Hook, scalar_hook
from synapse_core.schema.unions import union_hook

Configure = Callable[[Converter], object]

_CONTAINERS: dict[Kind, Callable[[Hooks, Wanted], Hook]] = {
    Kind.SEQUENCE: sequence_hook,
    Kind.TUPLE: tuple_hook,
    Kind.RECORD: record_hook,
    Kind.SET: set_hook,
    Kind.MAPPING: mapping_hook,
}
_PRIMITIVES = (str, bytes, int, float)


class Structuring:
    """The hooks of one mode.

    The fast mode raises at the first thing wrong and says little of it; the ``detailed`` one finds everything and
    is asked only then. ``forbid`` refuses keys that are no fields.
    """

    def __init__(self, models: Models, configure: Iterable[Configure], *, detailed: bool, forbid: bool) -> None:
        self.detailed = detailed
        self._models, self._forbid = models, forbid
        self._hooks: dict[Any, Hook] = {}
        self._pending: dict[Any, Hook] = {}
        self._lock = RLock()
        self.converter = self._converter()
        self.converter.recording = True
        for change in configure:
            change(self.converter)
            self._hooks.clear()  # it may have looked hooks up before it gave others

    def hook(self, wanted: Any) -> Hook:
        """The hook for a type."""
        try:
            return self._hooks[wanted]
        except KeyError:
            with self._lock:
                return self._built(wanted)
        except TypeError:  # metadata that cannot be hashed
            return self._make(wanted)

    def _converter(self) -> RecordingConverter:
        """The converter that plugins configure; what they call on it is as strict as everything else."""
        converter = RecordingConverter(
            detailed_validation=self.detailed, forbid_extra_keys=self._forbid, use_alias=True
        )
        converter.register_structure_hook_factory(lambda _: True, self.hook)
        for primitive in _PRIMITIVES:
            converter.register_structure_hook(primitive, lambda value, wanted: self.hook(wanted)(value, wanted))
        return converter

    def _built(self, wanted: Any) -> Hook:
        """The hook, kept; all of one type's are shown to other threads at once, when none refers to one unfinished."""
        known = self._hooks.get(wanted) or self._pending.get(wanted)
        if known is not None:
            return known
        outermost = not self._pending
        self._pending[wanted] = lambda value, _: self._hooks[wanted](value, wanted)
        try:
            hook = self._pending[wanted] = self._make(wanted)
            if outermost:
                self._hooks.update(self._pending)
        finally:
            if outermost:
                self._pending.clear()
        return hook

    def _make(self, wanted: Any) -> Hook:
        if self.converter.structures(wanted):
            return self.converter.get_structure_hook(wanted)
        shape = classify(wanted)
        if shape.metadata:
            return self._ruled(shape)
        if shape.type is not wanted and self.converter.structures(shape.type):
            return self.hook(shape.type)
        if shape.kind in _CONTAINERS:
            return _CONTAINERS[shape.kind](self, shape)
        if shape.kind is Kind.UNION:
            return union_hook(self, self._models, shape.args)
        return scalar_hook(shape) or self._class_hook(shape.type)

    def _ruled(self, shape: Wanted) -> Hook:
        """The hook of an ``Annotated`` type, with its constraints."""
        bare, checks, rules = shape.type, tuple(validators_in(shape.metadata)), from_metadata(shape.metadata)
        hook = self.hook(bare)

        def read_checked(value: Any, _: Any) -> Any:
            made = hook(value, bare)
            for check in checks:
                check(None, VALUE, made)
            return made

        def read_ruled(value: Any, _: Any) -> Any:
            made = hook(value, bare)
            problems = list(broken(rules, made, None))
            if problems:
                raise Problems(problems)
            return made

        return read_ruled if self.detailed else read_checked

    def _class_hook(self, cls: Any) -> Hook:
        adapter = self._models.adapter(cls)
        if adapter is not None:
            return adapter_hook(adapter, cls, self._models.fields(cls), self._forbid)
        if not self._models.is_model(cls):
            return _foreign_hook(cls)
        fields = self._models.fields(cls)
        if not self.detailed and not is_typed_dict(origin_of(cls)):
            # cattrs does not find a dataclass of a function that names itself
            with suppress(NameError):
                return generated_hook(self, self.converter, cls, fields, self._forbid)
        return explaining_hook(self, cls, fields, self._forbid)


def _foreign_hook(cls: Any) -> Hook:
    """For a type nobody has told how to make: instances pass."""
    origin = origin_of(cls)

    def read_foreign(value: Any, _: Any) -> Any:
        try:
            if isinstance(value, origin):
                return value
        except TypeError:
            pass
        (problem,) = mismatch(cls, value).problems
        text = f"{problem.text} (which cannot be made from data; a plugin's synapse_converter can say how)"
        raise Problems([Problem(text, problem.found, type_name(cls), problem.got, problem.type_got)])

    return read_foreign
