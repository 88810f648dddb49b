"""Bytecode as text of the strict grammar (gremlin-lang), which is what Neptune parses: literals only, no variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any

from gremlin_python.process.strategies import OptionsStrategy
from gremlin_python.process.traversal import Bytecode, P, TextP
from gremlin_python.statics import long

from headwater.graphstore.remote.graphbinary import Rows

_INT = range(-(2**31), 2**31)
#: As the grammar spells members that Python cannot have, or spells otherwise.
_MEMBERS = {"IN": "IN", "OUT": "OUT"}


def text_of(bytecode: Bytecode) -> str:
    """The whole traversal, from ``g``; a last ``none()`` is ``iterate()``."""
    source = "".join(map(_source, bytecode.source_instructions))
    return f"g{source}{_steps(bytecode, outermost=True)}"


def _source(instruction: list[Any]) -> str:
    name, *args = instruction
    if name == "withStrategies":
        options = [strategy for strategy in args if isinstance(strategy, OptionsStrategy)]
        assert len(options) == len(args), "no other strategy is sent"
        return "".join(f".with({_literal(k)}, {_literal(v)})" for s in options for k, v in s.configuration.items())
    return f".{name}({_arguments(args)})"


def _steps(bytecode: Bytecode, *, outermost: bool = False) -> str:
    steps = list(bytecode.step_instructions)
    silent = outermost and steps[-1][0] == "none"
    if silent:
        steps.pop()
    text = "".join(f".{name}({_arguments(args)})" for name, *args in steps)
    return f"{text}.iterate()" if silent else text


def _arguments(args: Iterable[Any]) -> str:
    return ", ".join(map(_literal, args))


def _literal(value: object) -> str:
    for types, convert in _LITERALS:
        if isinstance(value, types):
            return convert(value)
    raise TypeError(f"the grammar has no literal for {type(value).__name__}")


def _text(value: str) -> str:
    return f"'{re.sub(_SPECIAL, lambda found: _escaped(found[0]), value)}'"


#: What ends a text, and what a parser might not leave as it is.
_SPECIAL = re.compile(r"['\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\uffff]")


def _escaped(character: str) -> str:
    return f"\\{character}" if character in "'\\" else f"\\u{ord(character):04x}"


def _number(value: int) -> str:
    return f"{int(value)}L" if isinstance(value, long) or value not in _INT else str(int(value))


def _member(value: Enum) -> str:
    name = re.sub(r"_(\w)", lambda found: found[1].upper(), value.name.rstrip("_"))
    return f"{type(value).__name__}.{_MEMBERS.get(value.name, name)}"


def _map(value: Mapping[Any, Any]) -> str:
    entries = ", ".join(f"{_key(key)}: {_literal(item)}" for key, item in value.items())
    return f"[{entries or ':'}]"


def _key(key: object) -> str:
    return f"({_literal(key)})" if isinstance(key, Enum) else _literal(key)


def _predicate(value: P) -> str:
    if value.operator in ("and", "or"):
        return f"{_literal(value.value)}.{value.operator}({_literal(value.other)})"
    values = [value.value] if value.other is None else [value.value, value.other]
    return f"{'TextP' if isinstance(value, TextP) else 'P'}.{value.operator}({_arguments(values)})"


_LITERALS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (str, _text),
    (bool, lambda value: str(value).lower()),
    (int, _number),
    (float, lambda value: f"{value!r}D"),
    (type(None), lambda _: "null"),
    (Enum, _member),
    (P, _predicate),
    (Bytecode, lambda value: f"__{_steps(value)}"),
    (Mapping, _map),
    (Rows, lambda value: _literal(list(value.rows))),
    ((list, tuple), lambda value: f"[{_arguments(value)}]"),
    ((set, frozenset), lambda value: "{" + _arguments(value) + "}"),
)
