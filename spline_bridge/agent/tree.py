"""`TreeNode.toJSON` as trees: operators with their expressions, and the plans of subqueries inside those.

Spark writes a tree as the list of its nodes in pre-order, each with the number of its children; a field that holds
another tree holds such a list again. Nothing is interpreted here.
Source: https://github.com/apache/spark (sql/catalyst/.../trees/TreeNode.scala, `jsonFields`, `parseToJson`)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

#: Arguments of operators that are plans, or say what a command writes to.
_PLANS = frozenset({
    "query", "analyzedQuery", "source", "target", "table", "name", "sourceTable", "targetTable", "originalTable",
    "plan", "groupFilterCondition", "logicalRelation", "mergeInto", "ut", "dft",
})  # fmt: skip


class Node:
    """One operator or expression. `fields` are its constructor's arguments; those that are children are numbers."""

    __slots__ = ("children", "count", "fields", "name", "package")

    def __init__(self, class_name: str, count: int, fields: dict[str, Any]) -> None:
        self.package, _, self.name = class_name.rpartition(".")
        self.count = count
        self.fields = fields
        self.children: list[Node] = []

    def become(self, other: Node) -> None:
        """Be another node from now on, wherever this one stands."""
        self.package, self.name, self.count = other.package, other.name, other.count
        self.fields, self.children = other.fields, other.children

    def __repr__(self) -> str:
        return f"Node({self.name}, {len(self.children)} children)"


class Tree(NamedTuple):
    """A plan, the types of all attributes that it refers to, by expression id, and those that a format adds to rows."""

    root: Node
    types: Mapping[int, Any]
    hidden: frozenset[int] = frozenset()


def parse(text: str) -> Tree:
    """The tree that a ``toJSON`` text holds. ValueError: it holds none."""
    attributes: dict[tuple[int, str], Node] = {}

    def built(item: dict[str, Any]) -> Any:
        if "num-children" in item:
            return _node(item, attributes)
        if item.get("product-class", "").endswith(".ExprId"):
            return item["id"]
        return item

    root = json.loads(text, object_hook=built)
    if not _is_tree(root):
        raise ValueError("no tree of Spark's")
    types = {key: node.fields["dataType"] for (key, _), node in attributes.items()}
    hidden = frozenset(key for (key, _), node in attributes.items() if _METADATA in str(node.fields["metadata"]))
    return Tree(_assembled(root), types, hidden)


#: How Spark marks a column that a data source adds to each row, such as the file's name.
_METADATA = "__metadata_col"


def _node(item: dict[str, Any], attributes: dict[tuple[int, str], Node]) -> Node:
    """A node without its children. A reference to an attribute is one object, however often the plan has it."""
    class_name, count = item.pop("class"), item.pop("num-children")
    if not class_name.endswith(".AttributeReference"):
        return Node(class_name, count, item)
    key = (item["exprId"], item["name"])
    known = attributes.get(key)
    if known is None:
        kept = {name: item.get(name) for name in ("name", "dataType", "exprId", "metadata")}
        known = attributes[key] = Node(class_name, count, kept)
    return known


def _is_tree(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Node)


def _assembled(root: list[Node]) -> Node:
    """The root of a list in pre-order, with everything below it and in its fields in place."""
    waiting = [root]
    while waiting:
        nodes = waiting.pop()
        _link(nodes)
        for node in nodes:
            for name, value in node.fields.items():
                if isinstance(value, (list, dict)) and value:
                    node.fields[name] = _field(value, waiting)
    return root[0]


def _field(value: Any, waiting: list[list[Node]]) -> Any:
    """A field's value with each list of nodes replaced by its root; the lists are left for later."""
    if _is_tree(value):
        waiting.append(value)
        return value[0]
    if isinstance(value, list):
        return [_field(item, waiting) if isinstance(item, (list, dict)) else item for item in value]
    if isinstance(value, dict):
        return {key: _field(item, waiting) if isinstance(item, (list, dict)) else item for key, item in value.items()}
    return value


def _link(nodes: list[Node]) -> None:
    """Gives the nodes of a list in pre-order their children."""
    open_: list[Node] = []
    for node in nodes:
        while open_ and len(open_[-1].children) == open_[-1].count:
            open_.pop()
        if open_:
            open_[-1].children.append(node)
        if node.count:
            open_.append(node)


def roots(value: Any) -> Iterator[Node]:
    """The trees in a field's value, in order, however its lists are nested."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Node):
            yield item
        elif isinstance(item, list):
            stack.extend(reversed(item))


def walk(root: Node) -> Iterator[Node]:
    """A node and all below it, in pre-order; not what its fields hold."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def everything(root: Node) -> list[Node]:
    """A node, all below it, and all that their fields hold; each once."""
    found: dict[int, Node] = {}
    stack: list[Any] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, Node):
            if id(item) not in found:
                found[id(item)] = item
                stack += [*item.children, *item.fields.values()]
        elif isinstance(item, list):
            stack += item
    return list(found.values())


def expressions(node: Node) -> dict[str, Any]:
    """The arguments of an operator that can hold expressions: trees, and lists, but for plans."""
    return {
        name: value
        for name, value in node.fields.items()
        if isinstance(value, (Node, list)) and name not in _PLANS and value
    }


def picked(node: Node, name: str) -> list[Node]:
    """The trees of an argument, of which those that are children are given by their positions."""
    value = node.fields.get(name)
    items = value if isinstance(value, list) else [value]
    return [node.children[item] if isinstance(item, int) else item for item in items if isinstance(item, (int, Node))]


def product(value: Any) -> Mapping[str, Any]:
    """A field that is a case class; empty if it is none."""
    return value if isinstance(value, dict) else {}


def singleton(value: Any) -> str:
    """The name of a Scala object: ``Inner`` of ``{"object": "...plans.Inner$"}``; of a case class, its class."""
    known = product(value)
    return str(known.get("object") or known.get("product-class") or "").rpartition(".")[2].rstrip("$")
