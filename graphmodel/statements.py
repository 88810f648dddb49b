"""Statements about datasets, columns and jobs: tags (owners, classifications, retired, ignored), descriptions, names.

A statement has a source: ``people``, or a system such as ``glue``. People state one thing at a time, and withdraw it
by another statement. A system sends snapshots: all that it states about one scope (e.g. one database) at one time.
What its next snapshot of the same scope does not list any more is withdrawn thereby. Nobody withdraws what another
source stated.

Statements and snapshots are entries of the ledger, like payloads. `effective` says which of them count: a function of
the set of entries, so their order does not matter. The edges and properties that show them are functions of that and
of the nodes in the graph. Pure. Not here: two names of one dataset (`renaming`), and the derived tables
(`ingest.fold.statements`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from headwater.graphmodel import ids
from headwater.graphmodel.delta import Edge, Vertex, digest, edge, vertex
from headwater.graphmodel.elements import Part
from headwater.graphmodel.naming import DEFAULT, Rules, canonical

KIND = "headwater.statement"
"""The kind of a ledger entry that holds one statement, or one snapshot of many, as JSON: see `parse`."""

CONTENT_TYPE = "application/json"

TAG = "tag"
DESCRIPTION = "description"
SAME = "same"  #: one dataset has two names; what follows from it is in `graphmodel.renaming`

#: Tags with a meaning of their own.
OWNER = "owner"  #: ``owner=NAME``
RETIRED = "retired"  #: of a dataset: it was dropped, so what was written before holds no longer
IGNORED = "ignored"  #: of a job: its lineage is left out of answers
ERASED_WRITE = "erased-write"  #: ``erased-write=ENTRY``, of a dataset or column: that entry said how it was written
ERASED_READ = "erased-read"  #: ``erased-read=ENTRY``: that entry said what was made from it

#: What a statement can be about.
LABELS = ("dataset", "column", "job")

#: The labels that a tag with a meaning of its own can be given to; any other tag can be given to all of `LABELS`.
LABELS_OF_TAG: Mapping[str, tuple[str, ...]] = {RETIRED: ("dataset",), IGNORED: ("job",)}

PEOPLE = "people"
"""The source of statements made by hand, and of all statements in ledgers from before there were sources."""

_LONGEST = {"subject": 4_000, "value": 4_000, "by": 200, "reason": 2_000, "scope": 1_000}
_TAG = re.compile(r"[^\s=#*,][^=#*,\n]{0,199}(=[^\n]{1,1000})?")
_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,49}")


class StatementError(ValueError):
    """A statement that cannot be kept. `field` is the one at fault; the message is one sentence for its sender."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Key(NamedTuple):
    """What a later statement replaces, or withdraws. A node has many tags and, from each source, one description.

    `value` is the tag, and empty for the other kinds.
    """

    kind: str
    subject: str
    value: str
    source: str = PEOPLE
    scope: str = ""


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
    source: str = PEOPLE
    scope: str = ""  #: what part of its source a statement belongs to; of people's it is empty
    snapshot: str = ""  #: the id of the snapshot that lists it, or that withdraws it by not listing it; else empty

    @property
    def key(self) -> Key:
        """What it replaces."""
        return Key(self.kind, self.subject, self.value if self.kind == TAG else "", self.source, self.scope)

    @cached_property
    def rank(self) -> tuple[int, str]:
        """Of two statements with one key the one with the greater rank counts: the later, then by content.

        All that one snapshot lists or withdraws has the rank of the snapshot.
        """
        return self.at, self.snapshot or digest(json.dumps(_without_defaults(self), sort_keys=True))

    @property
    def is_pattern(self) -> bool:
        """Whether it is about all nodes that match."""
        return self.kind == TAG and "*" in self.subject

    def matches(self, node: str) -> bool:
        """Whether it is about this node. A pattern without ``#`` is about datasets and jobs, one with it of columns."""
        if not self.is_pattern:
            return self.subject == node
        return ("#" in self.subject) == ("#" in node) and pattern(self.subject).matches(node)


@dataclass(frozen=True)
class Snapshot:
    """All that a source states about a scope at one time. Made by `snapshot`, or by `parse`."""

    source: str  #: not ``people``
    scope: str  #: a name of the source's own, e.g. of a database
    at: int  #: ms since 1970
    statements: tuple[Statement, ...]  #: by key, each key once; they have the snapshot's source, scope, time and id
    id: str  #: a hash of its content
    by: str | None = None

    @property
    def rank(self) -> tuple[int, str]:
        """Of two snapshots of one scope the one with the greater rank counts. It compares with ranks of statements."""
        return self.at, self.id


Said = Statement | Snapshot


def named_by(rules: Rules, said: Said) -> Said:
    """A statement about the datasets as `rules` name them: it may have been made when other rules held."""
    if rules == DEFAULT:
        return said
    if isinstance(said, Snapshot):
        return replace(said, statements=tuple(_named_by(rules, one) for one in said.statements))
    return _named_by(rules, said)


def _named_by(rules: Rules, one: Statement) -> Statement:
    value = canonical(one.value, rules) if one.kind == SAME else one.value
    if one.is_pattern or one.subject.startswith("job:"):
        return replace(one, value=value)
    dataset, column = ids.split_node(one.subject)
    dataset = canonical(dataset, rules)
    return replace(one, subject=dataset if column is None else ids.column_id(dataset, column), value=value)


class NodePattern(NamedTuple):
    """A pattern of node ids: ``*`` stands for any text, everything else for itself. Made by `pattern`.

    Not a regular expression: people write patterns, senders write ids, and an expression with several ``.*`` tries
    every way to divide the text among them.
    """

    first: str  #: what stands before the first ``*``
    middle: tuple[str, ...]  #: what stands between two
    last: str | None  #: what stands behind the last ``*``; None without any, where `first` is the whole id

    def matches(self, node: str) -> bool:
        """Whether the whole id matches, in time linear in its length: each text is taken where it first comes."""
        if self.last is None:
            return node == self.first
        end = len(node) - len(self.last)
        if end < len(self.first) or not (node.startswith(self.first) and node.endswith(self.last)):
            return False
        at = len(self.first)
        for text_between in self.middle:
            found = node.find(text_between, at, end)
            if found < 0:
                return False
            at = found + len(text_between)
        return True


@lru_cache(maxsize=4_096)
def pattern(text: str) -> NodePattern:
    """The pattern that the text says."""
    first, *others = text.split("*")
    return NodePattern(first, tuple(filter(None, others[:-1])), others[-1] if others else None)


# Reading and checking -------------------------------------------------------------------------------------------------


def parse(body: bytes, _content_type: str = CONTENT_TYPE) -> Said:
    """The statement, or the snapshot, in a JSON text. StatementError: what is wrong with it, by field.

    A statement is ``{"kind", "subject", "value", "at"}`` and perhaps ``by``, ``reason``, ``withdrawn``, ``source``,
    ``scope``; without a source it is people's. A snapshot is ``{"source", "scope", "at", "statements"}`` and perhaps
    ``by``; its statements are ``{"kind", "subject", "value"}`` and perhaps ``reason``.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise StatementError("body", f"expected a statement as a JSON object: {error}") from None
    if not isinstance(document, dict):
        raise StatementError("body", "expected a statement as a JSON object")
    return snapshot(document) if "statements" in document else statement(document)


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


def snapshot(fields: Mapping[str, Any]) -> Snapshot:
    """A snapshot out of its fields, checked. StatementError: `field` may be one of a statement in it."""
    unknown = sorted(fields.keys() - _SNAPSHOT_FIELDS)
    if unknown:
        expected = ", ".join(sorted(_SNAPSHOT_FIELDS))
        raise StatementError(unknown[0], f"a snapshot has no field {unknown[0]!r}; there are: {expected}")
    listed = fields["statements"]
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise StatementError("statements", "expected statements to be a list of JSON objects")
    shared = {name: fields.get(name) for name in ("source", "scope", "at", "by")}
    for name in ("source", "scope"):
        if not isinstance(shared[name], str) or not shared[name]:
            raise StatementError(name, f"a snapshot needs a {name}")
    if shared["source"] == PEOPLE:
        raise StatementError("source", "people state one thing at a time: a snapshot is of another source")
    statement({"kind": TAG, "subject": "any", "value": "any", **shared})  # the shared fields, where nothing is listed
    by_key: dict[Key, Statement] = {}
    for one in listed:
        more = sorted(one.keys() - set(_LISTED))
        if more:
            raise StatementError(more[0], f"a statement in a snapshot has no field {more[0]!r}")
        made = statement({**one, **shared})
        if made.kind == SAME:  # each change of names draws the graph anew, and snapshots come every hour
            raise StatementError("kind", "a snapshot lists tags and descriptions: names are stated one by one")
        if by_key.setdefault(made.key, made) != made:
            raise StatementError("statements", f"there are two statements of the kind {made.kind} about {made.subject}")
    content = json.dumps([shared, *(_without_defaults(by_key[key]) for key in sorted(by_key))], sort_keys=True)
    its_id = digest("snapshot", content)
    statements = tuple(replace(by_key[key], snapshot=its_id) for key in sorted(by_key))
    return Snapshot(
        str(shared["source"]), str(shared["scope"]), int(str(shared["at"])), statements, its_id, fields.get("by")
    )


_LISTED = ("kind", "subject", "value", "reason")  #: the fields of a statement in a snapshot
_SNAPSHOT_FIELDS = frozenset({"source", "scope", "at", "by", "statements"})

_TYPES: Mapping[str, tuple[tuple[type, ...], str, bool]] = {
    "kind": ((str,), "tag, description or same", True),
    "subject": ((str,), "the id of a dataset, column or job, or a pattern with *", True),
    "value": ((str,), "a text", True),
    "at": ((int,), "a time in ms since 1970", True),
    "by": ((str,), "a text", False),
    "reason": ((str,), "a text", False),
    "withdrawn": ((bool,), "true or false", False),
    "source": ((str,), "a word such as people or glue", False),
    "scope": ((str,), "a text", False),
}


def _check(made: Statement) -> None:
    if made.kind not in (TAG, DESCRIPTION, SAME):
        raise StatementError("kind", f"expected kind to be tag, description or same, not {made.kind[:50]!r}")
    if not made.subject.strip():
        raise StatementError("subject", "expected subject to be the id of a node, or a pattern")
    if not _SOURCE.fullmatch(made.source):
        raise StatementError("source", "expected source to be a lower-case word such as people or glue")
    if made.source == PEOPLE and made.scope:
        raise StatementError("scope", "a statement by people has no scope")
    if made.kind == TAG:
        _check_tag(made)
    if made.kind == SAME:
        _check_names(made)
    if made.kind == DESCRIPTION and "*" in made.subject:
        raise StatementError("subject", "a description is of one node: a pattern was given")


def _check_tag(made: Statement) -> None:
    if not _TAG.fullmatch(made.value):
        expected = "words such as pii or personal data, without = # * and commas; or KEY=VALUE"
        raise StatementError("value", f"{made.value[:50]!r} is no tag: expected {expected}")


def check_label(kind: str, value: str, subject: str, label: str) -> None:
    """StatementError: the tag `value` cannot be given to a node with this label; `subject` is its id."""
    labels = LABELS_OF_TAG.get(value, LABELS) if kind == TAG else LABELS
    if label not in labels:
        raise StatementError("subject", f"the tag {value} is of a {' or '.join(labels)}: {subject} is a {label}")


def _check_names(made: Statement) -> None:
    for field, name in (("subject", made.subject), ("value", made.value)):
        if not name.strip() or "#" in name or "*" in name:
            raise StatementError(field, f"expected {field} to be the URI of one dataset")
    if made.subject == made.value:
        raise StatementError("value", "expected value to be another name than subject")


def text(made: Said) -> bytes:
    """A statement or a snapshot as JSON: the inverse of `parse`."""
    if isinstance(made, Statement):
        document = {name: value for name, value in _without_defaults(made).items() if value is not None}
    else:
        by = {"by": made.by} if made.by else {}
        listed = [
            {name: getattr(one, name) for name in _LISTED if getattr(one, name) is not None} for one in made.statements
        ]
        document = {"source": made.source, "scope": made.scope, "at": made.at, **by, "statements": listed}
    return json.dumps(document, ensure_ascii=False).encode()


def _without_defaults(made: Statement) -> dict[str, Any]:
    """Its fields without a default source or scope: bytes and ranks are as before statements had these fields."""
    fields = asdict(made)
    del fields["snapshot"]
    for name, default in (("source", PEOPLE), ("scope", "")):
        if fields[name] == default:
            del fields[name]
    return fields


# Which statements count -----------------------------------------------------------------------------------------------


def latest(first: Statement | None, second: Statement) -> Statement:
    """Of two statements with one key the one that counts."""
    return second if first is None or second.rank > first.rank else first


def withdrawn_by(one: Statement, rank: tuple[int, str]) -> Statement:
    """What counts in place of `one` where a snapshot of this rank does not list it: a function of the key and the rank.

    `one` itself, if it was stated after the snapshot.
    """
    if one.rank >= rank:
        return one
    at, its_id = rank
    key = one.key
    return Statement(key.kind, key.subject, key.value, at, None, None, True, key.source, key.scope, its_id)  # noqa: FBT003


def effective(said: Iterable[Said]) -> dict[Key, Statement]:
    """The statements that count, by key; withdrawn ones too."""
    best: dict[Key, Statement] = {}
    snapshots: dict[tuple[str, str], tuple[int, str]] = {}
    for one in said:
        if isinstance(one, Snapshot):
            place = (one.source, one.scope)
            snapshots[place] = max(one.rank, snapshots.get(place, one.rank))
        for each in one.statements if isinstance(one, Snapshot) else (one,):
            best[each.key] = latest(best.get(each.key), each)
    return {
        key: withdrawn_by(one, snapshots[key.source, key.scope]) if (key.source, key.scope) in snapshots else one
        for key, one in best.items()
    }


class StatementIndex:
    """Statements that count, to be looked up by the node that they are about."""

    def __init__(self, counting: Iterable[Statement]) -> None:
        """Index statements out of `effective`. Withdrawn patterns say nothing and are left out."""
        self._by_subject: dict[str, list[Statement]] = {}
        self._patterns: list[Statement] = []
        for one in counting:
            if not one.is_pattern:
                self._by_subject.setdefault(one.subject, []).append(one)
            elif not one.withdrawn:
                self._patterns.append(one)

    def __bool__(self) -> bool:
        """Whether there is any statement."""
        return bool(self._by_subject or self._patterns)

    def about(self, node: str) -> list[Statement]:
        """The statements about a node: its own, withdrawn ones too, and the patterns that it matches."""
        return [*self._by_subject.get(node, ()), *(one for one in self._patterns if one.matches(node))]


# What they show in the graph ------------------------------------------------------------------------------------------


def tag_edges(node: str, about: Iterable[Statement]) -> dict[str, Edge]:
    """The edges from a node to its tags, by tag, out of the statements that count and are `about` it.

    A tag stays as long as one statement gives it: the node's own or a pattern's, of any source. The latest one gives
    the edge its properties; `sources` names all sources.
    """
    by_tag: dict[str, list[Statement]] = {}
    for one in about:
        if one.kind == TAG and not one.withdrawn:
            by_tag.setdefault(one.value, []).append(one)
    return {tag: _tag_edge(node, tag, by_tag[tag]) for tag in sorted(by_tag)}


def _tag_edge(node: str, tag: str, given: list[Statement]) -> Edge:
    last = max(given, key=lambda one: (one.rank, one.key))
    properties = {
        "statedBy": last.by or "",
        "reason": last.reason or "",
        "pattern": last.subject if last.is_pattern else "",
        "sources": ", ".join(sorted({one.source for one in given})),
    }
    return edge("taggedWith", node, ids.tag_id(tag), statedAt=last.at, **properties)


def edge_of(node: str, tag: str) -> Edge:
    """What identifies the edge from a node to a tag."""
    return edge("taggedWith", node, ids.tag_id(tag))


def tag_vertex(tag: str) -> Vertex:
    """A tag: ``key`` or ``key=value``."""
    return vertex(ids.tag_id(tag), "tag", name=tag)


def retirements(about: Iterable[Statement]) -> list[int]:
    """When a dataset was dropped, in ms since 1970, out of the statements that count and are `about` it."""
    return sorted({one.at for one in about if (one.kind, one.value, one.withdrawn) == (TAG, RETIRED, False)})


def description(node: str, about: Iterable[Statement]) -> str | None:
    """The description of a node, out of the statements `about` it; `""` if it was withdrawn, None if there was none.

    Of several sources people's counts, else the latest.
    """
    said = [one for one in about if one.kind == DESCRIPTION and one.subject == node]
    standing = [one for one in said if not one.withdrawn]
    if standing:
        return max(standing, key=lambda one: (one.source == PEOPLE, one.rank, one.key)).value
    return "" if said else None


def parts(index: StatementIndex, nodes: Mapping[str, str]) -> Iterator[Part]:
    """All that statements add to a graph with these nodes (id -> label)."""
    for node, label in nodes.items():
        about = index.about(node)
        for tag, its_edge in tag_edges(node, about).items():
            yield Part((tag_vertex(tag),), (its_edge,))
        described = description(node, about)
        if described is not None:
            yield Part((vertex(node, label, description=described),))


def with_descriptions(part: Part, index: StatementIndex) -> Part:
    """The part with the descriptions of its vertices."""
    vertices = (_described(v, index.about(v.id)) if v.label in LABELS else v for v in part.vertices)
    return Part(tuple(vertices), part.edges)


def _described(v: Vertex, about: Iterable[Statement]) -> Vertex:
    found = description(v.id, about)
    return v if found is None else Vertex(v.id, v.label, {**v.properties, "description": found})


def with_statements(part: Part, index: StatementIndex) -> Part:
    """The part with the descriptions of its vertices, and their tags."""
    described = with_descriptions(part, index)
    tags: dict[str, Vertex] = {}
    edges: list[Edge] = []
    for v in part.vertices:
        if v.label in LABELS:
            for tag, its_edge in tag_edges(v.id, index.about(v.id)).items():
                tags[tag] = tag_vertex(tag)
                edges.append(its_edge)
    return Part((*described.vertices, *tags.values()), (*described.edges, *edges))
