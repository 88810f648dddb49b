"""Expressions of which only the text is known, as trees: what is certain in it are the ids of the columns."""

from __future__ import annotations

import re

from headwater.spline_bridge.agent.tree import Node

_EXPRESSIONS = "org.apache.spark.sql.catalyst.expressions."
_COLUMN = re.compile(r"([^\s()\[\],]+)#(\d+)L?\b")
_CAST = re.compile(r"cast\((?P<column>.+#\d+L?) as (?P<type>[\w(),]+)\)\Z")


def expression(text: str) -> Node:
    """A column, a cast of one, a constant, or else a function of the columns that the text names."""
    cast = _CAST.match(text)
    if cast:
        return _node("Cast", {"dataType": cast["type"]}, [expression(cast["column"])])
    columns = [_node("AttributeReference", {"name": name, "exprId": int(key)}) for name, key in _COLUMN.findall(text)]
    if not columns:
        return _node("Literal", {"value": text, "dataType": "string"})
    bare = len(columns) == 1 and text.rstrip("L").endswith(f"#{columns[0].fields['exprId']}") and "(" not in text
    return columns[0] if bare else _node("PrintedExpression", {}, columns)


def _node(name: str, fields: dict[str, object], children: list[Node] | None = None) -> Node:
    node = Node(_EXPRESSIONS + name, len(children or []), fields)
    node.children = children or []
    return node
