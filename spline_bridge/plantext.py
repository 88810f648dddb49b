"""The text of a plan, as Spark prints it: the agent sends subqueries in no other form.

Only the shape is read here: nodes, children, subqueries, lists, and the expression ids (``#123``) in them. Names and
literals are not quoted in that text, so nothing is concluded from them; the ids are unambiguous.

A sender can write any text here, so each function reads it once from left to right: its work grows linearly with the
number of characters. Regular expressions are used for single tokens only, never for "anything up to".
Source: TreeNode.treeString, https://github.com/apache/spark (sql/catalyst/.../trees/TreeNode.scala)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PREFIX = re.compile(r"^((?::  |   )*)((?:\+- |:- )?)")
_ID = re.compile(r"#(\d+)(?:L|-T\d+ms)?(?![\w])")
_ID_OR_PARENTHESIS = re.compile(r"[()]|#(\d+)(?:L|-T\d+ms)?(?!\w)")
_OUTER = re.compile(r"\bouter\(([^()]*)\)")
_LAST_ID = re.compile(r"#(\d+)(?:L|-T\d+ms)?$")
_SUBQUERY = re.compile(r"\b(?:scalar-subquery|exists|list|lateral-subquery)#(\d+)")
_WIDTH = 3
#: What ends a column's name to the left, in Spark's text of an expression.
_NO_NAME = frozenset("()[],=<>+*/%!")


@dataclass
class TextNode:
    """One operator: its class name, the rest of its line, its children, and the plans of its subqueries by id."""

    name: str
    rest: str
    children: list[TextNode] = field(default_factory=list)
    subqueries: dict[str, TextNode] = field(default_factory=dict)
    awaited: list[str] | None = None
    """Ids of the subqueries in `rest` whose plans have not come yet, the next one last; None: not looked for yet."""


def attribute(printed: str) -> tuple[str, str]:
    """The name and the expression id of an attribute, of what Spark prints of it.

    That is ``name#12``, ``name#12L`` of a long, and ``name#12-T60000ms`` of what a stream has a watermark of.
    """
    name, _, key = printed.rpartition("#")
    return name, key.partition("-")[0].rstrip("L")


def parse(text: str) -> TextNode | None:
    """The tree that a plan's text shows; None if it shows none."""
    root: TextNode | None = None
    path: list[tuple[int, TextNode]] = []
    for line in text.splitlines():
        match = _PREFIX.match(line)
        body = line[match.end() :] if match else line
        if not match or not body.strip():
            continue
        depth = (len(match.group(1)) + len(match.group(2))) // _WIDTH
        node = _node(body.strip())
        while path and path[-1][0] >= depth:
            path.pop()
        if path:
            _attach(path[-1], depth, node)
        elif root is None:
            root = node
        path.append((depth, node))
    return root


def _attach(parent: tuple[int, TextNode], depth: int, node: TextNode) -> None:
    """Two levels down is a subquery of the parent: Spark prints inner plans so, in the order of their expressions."""
    level, owner = parent
    if depth == level + 1:
        owner.children.append(node)
        return
    if owner.awaited is None:
        owner.awaited = list(dict.fromkeys(_SUBQUERY.findall(owner.rest)))[::-1]
    if owner.awaited:
        owner.subqueries[owner.awaited.pop()] = node


def _node(line: str) -> TextNode:
    name, _, rest = line.partition(" ")
    if "[" in name:  # e.g. "RelationV2[a#1, b#2] catalog.db.t"
        name, bracket, tail = line.partition("[")
        rest = bracket + tail
    return TextNode(name.rstrip(","), rest.strip())


def ids(text: str) -> list[str]:
    """The expression ids in a text, in order. A Python function's own (``f(a#1)#2``) stands for its arguments.

    The id behind a closing parenthesis is such a function's if the parentheses hold an id; ``sum(x)#1`` is a name.
    """
    found: list[str] = []
    seen, opened, result_at = 0, list[int](), -1
    for match in _ID_OR_PARENTHESIS.finditer(text):
        if match[0] == "(":
            opened.append(seen)
        elif match[0] == ")":
            result_at = match.end() if opened and seen > opened.pop() else -1
        else:
            seen += 1
            if match.start() != result_at:
                found.append(match[1])
    return found


def named_ids(text: str) -> list[tuple[str, str]]:
    """The columns in a text, each as (name, expression id): ``(a#1 + b c#2)`` has ``a`` and ``b c``.

    A name is what stands between the last bracket, comma or operator and the id: Spark does not quote names.
    """
    found, start = [], 0
    for match in _ID.finditer(text):
        begin = match.start()
        while begin > start and text[begin - 1] not in _NO_NAME:
            begin -= 1
        name = text[begin : match.start()].lstrip("- \t\r\n\f\v")
        start = match.end()
        if name:
            found.append((name, match[1]))
    return found


def output_id(item: str) -> str | None:
    """The id of the column that an item of a list defines or passes on: the last one, if it ends the item."""
    match = _LAST_ID.search(item.strip())
    return match.group(1) if match else None


def lists(text: str) -> list[list[str]]:
    """The bracketed lists at the top level of a text, each split at its commas."""
    out, depth, start = [], 0, -1
    for i, char in enumerate(text):
        if char in "[(":
            if depth == 0:
                start = i + 1 if char == "[" else -1
            depth += 1
        elif char in "])":
            depth -= 1
            if depth == 0 and char == "]" and start >= 0:
                out.append(split(text[start:i]))
                start = -1
            depth = max(depth, 0)
    return out


def split(text: str, separator: str = ",") -> list[str]:
    """A text split at the separators that stand outside all brackets."""
    out, depth, start = [], 0, 0
    for i, char in enumerate(text):
        if char in "[(":
            depth += 1
        elif char in "])":
            depth -= 1
        elif char == separator and depth == 0:
            out.append(text[start:i].strip())
            start = i + 1
    out.append(text[start:].strip())
    return [item for item in out if item]


def readable(text: str) -> str:
    """The text without expression ids and marks of outer references."""
    return _OUTER.sub(r"\1", _ID.sub("", text))


def without_alias(item: str) -> str:
    """``expr AS name#1`` as ``expr``; the alias is what follows the last `` AS `` outside all brackets."""
    depth, cut = 0, -1
    for i, char in enumerate(item):
        depth += char in "[("
        depth -= char in "])"
        if depth == 0 and item.startswith(" AS ", i):
            cut = i
    return item[:cut] if cut >= 0 else item
