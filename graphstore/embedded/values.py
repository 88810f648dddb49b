"""Values as the embedded engine takes them: 64-bit numbers, lists and maps as JSON, TinkerPop's names for enums. Pure.

A fraction inside a list or map may change in its last bit on the way: the engine's JSON reader rounds so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Any

import orjson
from gremlin_python.process.traversal import Cardinality, CardinalityValue, Direction, T

from headwater.graphstore.errors import InvalidRequest

_LEAST, _MOST = -(2**63), 2**63 - 1


def json_text(value: Any) -> str:
    """A list or map as JSON. Raises InvalidRequest for what JSON or UTF-8 cannot hold."""
    try:
        return orjson.dumps(plain(value)).decode()
    except orjson.JSONEncodeError as error:
        raise InvalidRequest(f"a text cannot be sent: {error}") from error


def long(value: int) -> int:
    """The value itself, if it fits the engine's 64 bits."""
    if not _LEAST <= value <= _MOST:  # a range would be walked through: gremlinpython's long is no plain int
        raise InvalidRequest(f"the whole number {value} does not fit 64 bits")
    return value


def single(value: CardinalityValue) -> object:
    """What CardinalityValue.single() holds; the engine has no other cardinality."""
    cardinality, inner = value.source_instructions[0][1:]
    if cardinality is not Cardinality.single:
        raise InvalidRequest("a property has one value: CardinalityValue.single alone")
    return inner


def token(value: Enum) -> str:
    """``Order.desc``, ``Merge.onCreate``, ``Scope.global``: TinkerPop's spelling of gremlinpython's members."""
    name = re.sub(r"_(\w)", lambda match: match[1].upper(), value.name.rstrip("_"))
    return f"{type(value).__name__}.{name}"


def plain(value: object) -> object:
    """Lists and maps as JSON can hold them, with the engine's names for tokens as keys.

    Their depth was bounded by `check_steps`.
    """
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, CardinalityValue):
        return plain(single(value))
    if isinstance(value, float) and not isfinite(value):
        raise InvalidRequest(f"{value} in a list or map is not supported by the embedded store")
    if isinstance(value, (bool, str, float)) or value is None:
        return value
    if isinstance(value, int):
        return long(value)
    if isinstance(value, Enum):
        return token(value)
    raise InvalidRequest(f"a list or map that holds a {type(value).__name__} is not supported by the embedded store")


def _key(key: object) -> str:
    if isinstance(key, (T, Direction)):
        return token(key)
    if isinstance(key, str):
        return key
    raise InvalidRequest(f"a map key of type {type(key).__name__} is not supported by the embedded store")
