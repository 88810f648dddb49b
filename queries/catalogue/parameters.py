"""The parameters of queries, and their validation, which HTTP, the command line and Python share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headwater.queries.answers.errors import QueryError


@dataclass(frozen=True)
class Parameter:
    """One parameter of a query.

    `default` is its typed value if it is not given. `minimum` and `maximum` are the limits of an integer. `labels` are
    the vertex labels that a node may have; `many`: one spelling may name several nodes. The type `time` is a time or
    the id of a run (`tracing.as_of.past_time`).
    """

    name: str
    meaning: str
    type: Literal["string", "integer", "boolean", "node", "time"] = "string"
    default: str | int | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int | None = None
    labels: tuple[str, ...] = ()
    many: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the list of queries; only what is set."""
        row = {
            "name": self.name,
            "meaning": self.meaning,
            "type": self.type,
            "required": self.required,
            "default": self.default,
            "choices": list(self.choices),
        }
        return {key: value for key, value in row.items() if value not in (None, [])}


def parse(parameters: Sequence[Parameter], given: Iterable[tuple[str, object]]) -> Mapping[str, Any]:
    """Typed values of all parameters, defaults filled in.

    `given` are (name, value) pairs as they come from a query string (text) or from Python (typed); None is absent.
    Raises QueryError for an unknown or repeated name, a missing required one, and a value of the wrong type or range.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    for name, value in given:
        if name not in known:
            near = difflib.get_close_matches(name, known)
            raise QueryError(f"unknown parameter {name!r}; there are: {', '.join(known)}", name, near)
        if name in values:
            raise QueryError(f"parameter {name!r} is given twice", name)
        if value is not None:
            values[name] = _value(known[name], value)
    for parameter in parameters:
        if parameter.required and not values.get(parameter.name):
            raise QueryError(f"parameter {parameter.name!r} is required: {parameter.meaning}", parameter.name)
    return {parameter.name: values.get(parameter.name, parameter.default) for parameter in parameters}


def _value(parameter: Parameter, value: object) -> str | int | bool:
    if parameter.type == "integer":
        return _integer(parameter, value)
    if parameter.type == "boolean":
        return _boolean(parameter, value)
    text = str(value)
    if parameter.choices and text not in parameter.choices:
        near = difflib.get_close_matches(text, parameter.choices)
        expected = ", ".join(parameter.choices)
        raise QueryError(f"{parameter.name} must be one of {expected}, not {text!r}", parameter.name, near)
    return text


def _boolean(parameter: Parameter, value: object) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise QueryError(f"{parameter.name} must be true or false, not {text[:50]!r}", parameter.name)
    return text == "true"


def _integer(parameter: Parameter, value: object) -> int:
    text = str(value).strip()
    # isascii: int() also accepts the digits of other scripts. 18 digits always fit into a store's 64-bit integers.
    if not (text.removeprefix("-").isdigit() and text.isascii() and len(text) <= len("-") + 18):
        raise QueryError(f"{parameter.name} must be a whole number, not {text[:50]!r}", parameter.name)
    number = int(text)
    if number < parameter.minimum:
        raise QueryError(f"{parameter.name} must be at least {parameter.minimum}, not {number}", parameter.name)
    if parameter.maximum is not None and number > parameter.maximum:
        raise QueryError(f"{parameter.name} must be at most {parameter.maximum}, not {number}", parameter.name)
    return number
