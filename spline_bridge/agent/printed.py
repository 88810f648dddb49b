"""Expressions of which only the text is known, as trees: what is certain in it are the ids of the columns."""

from __future__ import annotations

import re

from headwater.spline_bridge.agent.tree import Node
from headwater.spline_bridge.plantext import named_ids

_EXPRESSIONS = "org.apache.spark.sql.catalyst.expressions."
_CAST_TYPE = re.compile(r"[\w(),]+")
_IDENTIFIED = re.compile(r"#\d+L?\Z")


def expression(text: str) -> Node:
    """A column, a cast of one, a constant, or else a function of the columns that the text names."""
    types: list[str] = []
    while (cast := _cast(text)) is not None:
        text = cast[0]
        types.append(cast[1])
    named = [(name.split()[-1], key) for name, key in named_ids(text)]
    columns = [_node("AttributeReference", {"name": name, "exprId": int(key)}) for name, key in named]
    if not columns:
        made = _node("Literal", {"value": text, "dataType": "string"})
    else:
        bare = len(columns) == 1 and text.rstrip("L").endswith(f"#{columns[0].fields['exprId']}") and "(" not in text
        made = columns[0] if bare else _node("PrintedExpression", {}, columns)
    for type_ in reversed(types):
        made = _node("Cast", {"dataType": type_}, [made])
    return made


def _cast(text: str) -> tuple[str, str] | None:
    """What ``cast(a#1 as bigint)`` casts, and to which type; None if the text is no cast of something with an id."""
    if not (text.startswith("cast(") and text.endswith(")")):
        return None
    inner, _, type_ = text[5:-1].rpartition(" as ")
    return (inner, type_) if _IDENTIFIED.search(inner[-20:]) and _CAST_TYPE.fullmatch(type_) else None


def _node(name: str, fields: dict[str, object], children: list[Node] | None = None) -> Node:
    node = Node(_EXPRESSIONS + name, len(children or []), fields)
    node.children = children or []
    return node
