"""Results as Java prints them, for the Gremlin console, which by its default settings asks for texts alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from gremlin_python.process.traversal import Traverser
from gremlin_python.structure.graph import Path

from headwater.graphstore.embedded.values import token


def printed(value: Any) -> str:
    """``v[1]``, ``{id=1, name=a}``, ``[1, 2]``, ``null``, ``true``."""
    for kind, convert in _PRINTED:
        if isinstance(value, kind):
            return convert(value)
    return str(value)


def _map(value: Mapping[Any, Any]) -> str:
    return f"{{{', '.join(f'{printed(key)}={printed(item)}' for key, item in value.items())}}}"


def _list(values: Any) -> str:
    return f"[{', '.join(map(printed, values))}]"


_PRINTED: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: str(value).lower()),
    (type(None), lambda _value: "null"),
    (Enum, lambda value: token(value).partition(".")[2]),
    (Traverser, lambda value: printed(value.object)),
    (Path, lambda value: f"path{_list(value.objects)}"),
    (Mapping, _map),
    ((list, tuple, set, frozenset), _list),
)
