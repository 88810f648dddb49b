"""What people state about datasets, columns and jobs: tags (owners, classifications, retired, ignored), descriptions.

A statement is an entry of the ledger like every payload; a later one withdraws it. What stands is a function of the set
of statements, and the edges and properties that show it are functions of what stands and of the nodes there are. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from headwater.graphmodel import ids
from headwater.graphmodel.delta import Edge, Vertex, digest, edge, vertex
from headwater.graphmodel.elements import Part

KIND = "headwater.statement"
"""The kind of a ledger entry that holds one statement as JSON: the fields of `Statement`."""

CONTENT_TYPE = "application/json"

TAG = "tag"
DESCRIPTION = "description"
SAME = "same"  #: one dataset has two names; what follows from it is in `graphmodel.renaming`

#: Tags with a meaning of their own.
OWNER = "owner"  #: ``owner=NAME``
RETIRED = "retired"  #: of a dataset: it was dropped
IGNORED = "ignored"  #: of a job: its lineage is left out of answers

#: What a statement can be about.
LABELS = ("dataset", "column", "job")

_LONGEST = {"subject": 4_000, "value": 4_000, "by": 200, "reason": 2_000}
_TAG = re.compile(r"[^\s=#*,][^=#*,\n]{0,199}(=[^\n]{1,1000})?")


class StatementError(ValueError):
    """A statement that cannot be kept. `field` is the one at fault; the message is one sentence for its sender."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Key(NamedTuple):
    """What a later statement replaces, or withdraws: a node has many tags, and one description."""

    kind: str
    subject: str
    value: str


@dataclass(frozen=True)
class Statement:
    """One statement: that `subject` has the tag, the description, or the other name `value`; or that it has not."""

    kind: str  #: ``tag``, ``description`` or ``same``
    subject: str  #: a node id, or for a tag a pattern of them with ``*``
    value: str  #: the tag as ``key`` or ``key=value``; the text of the description; the name that is kept
    at: int  #: ms since 1970
    by: str | None = None  #: who states it
    reason: str | None = None
    withdrawn: bool = False

    @property
    def key(self) -> Key:
        """What it replaces."""
        return Key(self.kind, self.subject, self.value if self.kind == TAG else "")

    @property
    def rank(self) -> tuple[int, str]:
        """Of two statements with one key the one with the greater rank counts: the later, then by content."""
        return self.at, digest(json.dumps(asdict(self), sort_keys=True))

    @property
    def is_pattern(self) -> bool:
        """Whether it is about all nodes that match."""
        return self.kind == TAG and "*" in self.subject

    def matches(self, node: str) -> bool:
        """Whether it is about this node. A pattern without ``#`` is about datasets and jobs, one with it of columns."""
        if not self.is_pattern:
            return self.subject == node
        return ("#" in self.subject) == ("#" in node) and pattern(self.subject).fullmatch(node) is not None


def pattern(text: str) -> re.Pattern[str]:
    """A pattern of node ids: ``*`` stands for any text, everything else for itself."""
    return re.compile(".*".join(map(re.escape, re.split(r"\*+", text))), re.DOTALL)


def parse(body: bytes, _content_type: str = CONTENT_TYPE) -> Statement:
    """The statement in a JSON text. StatementError: what is wrong with it, by field."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise StatementError("body", f"expected a statement as a JSON object: {error}") from None
    if not isinstance(document, dict):
        raise StatementError("body", "expected a statement as a JSON object")
    return statement(document)


def statement(fields: Mapping[str, Any]) -> Statement:
    """A statement out of its fields, checked. StatementError."""
    unknown = sorted(fields.keys() - _TYPES.keys())
    if unknown:
        raise StatementError(unknown[0], f"unknown field {unknown[0]!r}; there are: {', '.join(_TYPES)}")
    for name, (kinds, expected, required) in _TYPES.items():
        value = fields.get(name)
        if (value is None and required) or not (value is None or type(value) in kinds):
            raise StatementError(name, f"expected {name} to be {expected}")
        if isinstance(value, str) and len(value) > _LONGEST.get(name, len(value)):
            raise StatementError(name, f"expected {name} to have at most {_LONGEST[name]:,} characters")
    made = Statement(**{name: value for name, value in fields.items() if value is not None})
    _check(made)
    return made


_TYPES: Mapping[str, tuple[tuple[type, ...], str, bool]] = {
    "kind": ((str,), "tag, description or same", True),
    "subject": ((str,), "the id of a dataset, column or job, or a pattern with *", True),
    "value": ((str,), "a text", True),
    "at": ((int,), "a time in ms since 1970", True),
    "by": ((str,), "a text", False),
    "reason": ((str,), "a text", False),
    "withdrawn": ((bool,), "true or false", False),
}


def _check(made: Statement) -> None:
    if made.kind not in (TAG, DESCRIPTION, SAME):
        raise StatementError("kind", f"expected kind to be tag, description or same, not {made.kind[:50]!r}")
    if not made.subject.strip():
        raise StatementError("subject", "expected subject to be the id of a node, or a pattern")
    if made.kind == TAG and not _TAG.fullmatch(made.value):
        raise StatementError("value", f"{made.value[:50]!r} is no tag: expected a word such as pii, or KEY=VALUE")
    if made.kind == SAME:
        _check_names(made)
    if made.kind == DESCRIPTION and "*" in made.subject:
        raise StatementError("subject", "a description is of one node: a pattern was given")


def _check_names(made: Statement) -> None:
    for field, name in (("subject", made.subject), ("value", made.value)):
        if not name.strip() or "#" in name or "*" in name:
            raise StatementError(field, f"expected {field} to be the URI of one dataset")
    if made.subject == made.value:
        raise StatementError("value", "expected value to be another name than subject")


def text(made: Statement) -> bytes:
    """A statement as JSON: the inverse of `parse`."""
    return json.dumps({k: v for k, v in asdict(made).items() if v is not None}, ensure_ascii=False).encode()


def latest(first: Statement | None, second: Statement) -> Statement:
    """Of two statements with one key the one that counts."""
    return second if first is None or second.rank > first.rank else first


def chosen(statements: Iterable[Statement]) -> dict[Key, Statement]:
    """The statements that count, by key; withdrawn ones too."""
    best: dict[Key, Statement] = {}
    for one in statements:
        best[one.key] = latest(best.get(one.key), one)
    return best


def by_tag(counting: Mapping[Key, Statement]) -> dict[str, list[Statement]]:
    """The statements about each tag, out of those that count; the tags in order."""
    found: dict[str, list[Statement]] = {}
    for one in counting.values():
        if one.kind == TAG:
            found.setdefault(one.value, []).append(one)
    return dict(sorted(found.items()))


def tag_edge(node: str, tag: str, about: Iterable[Statement]) -> Edge | None:
    """The edge to a tag, if one of the statements about it, out of those that count, gives it to the node.

    Of several (the node's own, patterns) the latest is told. To withdraw the node's own leaves a pattern's standing.
    """
    given = [s for s in about if not s.withdrawn and s.matches(node)]
    if not given:
        return None
    it = max(given, key=lambda s: s.rank)
    said = {"statedBy": it.by or "", "reason": it.reason or "", "pattern": it.subject if it.is_pattern else ""}
    return edge("taggedWith", node, ids.tag_id(tag), statedAt=it.at, **said)


def edge_of(node: str, tag: str) -> Edge:
    """What identifies the edge from a node to a tag."""
    return edge("taggedWith", node, ids.tag_id(tag))


def tag_vertex(tag: str) -> Vertex:
    """A tag: ``key`` or ``key=value``."""
    return vertex(ids.tag_id(tag), "tag", name=tag)


def described(node: str, label: str, counting: Mapping[Key, Statement]) -> Vertex | None:
    """The node with its description, `""` where it was withdrawn; None where there never was one."""
    said = counting.get(Key(DESCRIPTION, node, ""))
    if said is None:
        return None
    return vertex(node, label, description="" if said.withdrawn else said.value)


def parts(counting: Mapping[Key, Statement], nodes: Mapping[str, str]) -> Iterator[Part]:
    """All that statements add to a graph with these nodes (id -> label)."""
    yield from _tagged(counting, nodes)
    for node, label in nodes.items():
        seen = described(node, label, counting)
        if seen:
            yield Part((seen,))


def _tagged(counting: Mapping[Key, Statement], nodes: Iterable[str]) -> Iterator[Part]:
    about = by_tag(counting)
    for node in nodes:
        for tag, statements in about.items():
            tagged = tag_edge(node, tag, statements)
            if tagged:
                yield Part((tag_vertex(tag),), (tagged,))


def with_descriptions(part: Part, counting: Mapping[Key, Statement]) -> Part:
    """The part with the descriptions of its vertices."""
    said = {v.id: described(v.id, v.label, counting) for v in part.vertices if v.label in LABELS}
    more = {node: seen.properties for node, seen in said.items() if seen}
    vertices = (Vertex(v.id, v.label, {**v.properties, **more.get(v.id, {})}) for v in part.vertices)
    return Part(tuple(vertices), part.edges)


def with_statements(part: Part, counting: Mapping[Key, Statement]) -> Part:
    """The part with the descriptions of its vertices, and their tags."""
    nodes = [v.id for v in part.vertices if v.label in LABELS]
    if not counting or not nodes:
        return part
    tags = list(_tagged(counting, nodes))
    told = with_descriptions(part, counting)
    vertices = {v.id: v for more in tags for v in more.vertices}
    return Part((*told.vertices, *vertices.values()), (*told.edges, *(edge for more in tags for edge in more.edges)))
