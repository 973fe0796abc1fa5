"""Models as forms: FormKit schema nodes, one a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import NOTHING, evolve

from synapse_core.errors import UnserializableError
from synapse_core.schema.codecs import enum_form, literal_form
from synapse_core.schema.constraints import Bound, Constraint, Length, Matches, OneOf
from synapse_core.schema.described import unwrapped
from synapse_core.schema.kinds import Kind, Wanted, classify
from synapse_core.schema.model import Field
from synapse_core.schema.registry import Models
from synapse_core.schema.rules import from_metadata, from_validator

Node = dict[str, Any]
Rules = tuple[Constraint, ...]

_DATES = {"datetime": "datetime-local", "date": "date", "time": "time"}
_NUMBERS = {Kind.INT, Kind.FLOAT}
_TEXTS = {Kind.STR, Kind.CODED}


def ui_schema(models: Models, plain: Callable[[Any], Any], model: Any) -> list[Node]:
    """The nodes for the fields of a model; ``plain`` unstructures defaults."""
    form = _Form(models, plain)
    return [form.node(field, (model,)) for field in models.fields(model)]


class _Form:
    def __init__(self, models: Models, plain: Callable[[Any], Any]) -> None:
        self._models, self._plain = models, plain

    def node(self, field: Field, within: tuple[Any, ...]) -> Node:
        """The node of a field; ``within`` are the models it is nested in."""
        shape, rules = _unwrapped(field)
        node: Node = {"$formkit": "text", "name": field.name, "label": field.title or _label(field.name)}
        if field.description:
            node["help"] = field.description
        node |= self._input(field, shape, rules, within)
        node |= self._value(field, node)
        node["required"] = field.required
        if said := _validation(node["$formkit"], field, shape, rules):
            node["validation"] = said
        extra = field.metadata.get("ui")
        return node | dict(extra) if isinstance(extra, Mapping) else node

    def _input(self, field: Field, shape: Wanted, rules: Rules, within: tuple[Any, ...]) -> Node:
        """The kind of input, and what that kind has of its own."""
        if field.secret:
            return {"$formkit": "password"}
        options = _options(shape, rules)
        if options is not None:
            empty = [{"label": "(none)", "value": None}] if classify(field.type).nullable else []
            return {"$formkit": "select", "options": empty + options}
        if shape.kind is Kind.BOOL:
            return {"$formkit": "checkbox"}
        if _all_of(shape, _NUMBERS):
            return {"$formkit": "number", "number": True, **_limits(shape, rules)}
        if _all_of(shape, _TEXTS | _NUMBERS):
            return {"$formkit": _DATES.get(getattr(shape.type, "__name__", ""), "text")}
        return self._nested(shape, within)

    def _nested(self, shape: Wanted, within: tuple[Any, ...]) -> Node:
        if shape.kind in (Kind.SEQUENCE, Kind.SET):
            return self._list(shape.args[0], within)
        if shape.kind is Kind.CLASS and self._models.is_model(shape.type) and shape.type not in within:
            fields = self._models.fields(shape.type)
            return {"$formkit": "group", "children": [self.node(field, (*within, shape.type)) for field in fields]}
        return {"$formkit": "textarea", "format": "json"}

    def _list(self, item_type: Any, within: tuple[Any, ...]) -> Node:
        item = Field(name="", type=item_type, required=False)
        options = _options(*_unwrapped(item))
        if options is not None:
            return {"$formkit": "select", "multiple": True, "options": options}
        child = self.node(item, within)
        child = {key: said for key, said in child.items() if key not in ("name", "label", "required")}
        return {
            "$formkit": "list",
            "dynamic": True,
            "children": [{**child, "for": ["item", "index", "$items"], "key": "$item", "index": "$index"}],
        }

    def _value(self, field: Field, node: Node) -> Node:
        """The default; a checkbox has one always."""
        if field.secret or field.default is NOTHING:
            return {"value": False} if node["$formkit"] == "checkbox" else {}
        try:
            return {"value": self._plain(field.default)}
        except UnserializableError:
            return {}


def _label(name: str) -> str:
    return name.replace("_", " ").strip().title()


def _unwrapped(field: Field) -> tuple[Wanted, Rules]:
    """The field's type and rules, where it has a value at all."""
    shape = classify(field.type)
    rules = (*from_metadata(shape.metadata), *from_validator(field.validator, None))
    if shape.kind is Kind.UNION:
        some = [arg for arg in shape.args if classify(arg).kind is not Kind.NONE]
        if len(some) == 1:
            inner, more = _unwrapped(evolve(field, type=some[0], validator=None))
            return inner, (*more, *unwrapped(rules))
        shape = evolve(shape, args=tuple(some))
    return shape, unwrapped(rules)


def _all_of(shape: Wanted, kinds: set[Kind]) -> bool:
    args = shape.args if shape.kind is Kind.UNION else (shape.type,)
    return all(classify(arg).kind in kinds for arg in args)


def _options(shape: Wanted, rules: Rules) -> list[Node] | None:
    """What there is to choose from."""
    listed = [rule.listed for rule in rules if isinstance(rule, OneOf) and rule.listed is not None]
    if listed:
        return [{"label": str(literal_form(value)), "value": literal_form(value)} for value in listed[0]]
    if shape.kind is Kind.LITERAL:
        return [{"label": str(literal_form(value)), "value": literal_form(value)} for value in shape.args]
    if shape.kind is not Kind.ENUM or enum_form(shape.type).flag:
        return None
    return [{"label": _label(m.name), "value": form} for m, form in enum_form(shape.type).forms.items()]


def _limits(shape: Wanted, rules: Rules) -> Node:
    """The least and most of a number input; where a whole number must be more than 0, it is at least 1."""
    whole = shape.kind is Kind.INT
    limits: Node = {"step": 1 if whole else "any"}
    for rule in rules:
        if isinstance(rule, Bound) and isinstance(rule.limit, (int, float)):
            beyond = int(whole and len(rule.operator) == 1)
            least = rule.operator.startswith(">")
            limits["min" if least else "max"] = rule.limit + beyond if least else rule.limit - beyond
    return limits


def _validation(input_type: str, field: Field, shape: Wanted, rules: Rules) -> str:
    """FormKit's rules as text: ``required|min:1|max:1024|number``."""
    said = ["required"] if field.required and input_type not in ("checkbox", "group", "list") else []
    if input_type == "number":
        limits = _limits(shape, rules)
        said += [f"{name}:{limits[name]}" for name in ("min", "max") if name in limits]
        said.append("number")
    lengths = {rule.most: rule.limit for rule in rules if isinstance(rule, Length)}
    if lengths and input_type in ("text", "password"):
        most = f",{lengths[True]}" if True in lengths else ""
        said.append(f"length:{lengths.get(False, 0)}{most}")
    elif lengths and input_type in ("list", "select"):
        said += [f"{'max' if most else 'min'}:{limit}" for most, limit in sorted(lengths.items())]
    return "|".join([*said, *_patterns(rules)])


def _patterns(rules: Rules) -> list[str]:
    """Patterns that FormKit's text form of rules can hold; the others are checked when the form is sent."""
    said = [rule.keywords(Kind.STR).get("pattern", "") for rule in rules if isinstance(rule, Matches)]
    return [f"matches:/{pattern}/" for pattern in said if pattern and not set(pattern) & set("|,/")]
