"""Statements about datasets, columns and jobs: tags (owners, classifications, retired, ignored), descriptions, names.

Systems also list datasets with their columns (``dataset``), and properties of nodes (``facts``).

A statement has a source: ``people``, or a system such as ``glue``. People state one thing at a time, and withdraw it
by another statement. A system sends snapshots: all that it states about one scope (e.g. one database) at one time.
What its next snapshot of the same scope does not list any more is withdrawn thereby. Nobody withdraws what another
source stated.

Statements and snapshots are entries of the ledger, like payloads. `effective` says which of them count: a function of
the set of entries, so their order does not matter. The edges and properties that show them are functions of that and
of the nodes in the graph. Statements wait for their nodes; one of the kind ``dataset`` makes them. Pure. Not here: two
names of one dataset (`renaming`), the values of ``dataset`` and ``facts`` (`stated`), and the derived tables
(`ingest.fold.statements`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from headwater.graphmodel import ids
from headwater.graphmodel.delta import Edge, Vertex, digest, edge, vertex
from headwater.graphmodel.elements import Part
from headwater.graphmodel.naming import DEFAULT, Rules, canonical
from headwater.graphmodel.stated import (
    StatedColumn,
    StatedDataset,
    dataset_of,
    dataset_text,
    facts_of,
    facts_text,
)
from headwater.graphmodel.stated import StatementError as StatementError  # noqa: PLC0414 - all know it from here

KIND = "headwater.statement"
"""The kind of a ledger entry that holds one statement, or one snapshot of many, as JSON: see `parse`."""

CONTENT_TYPE = "application/json"

TAG = "tag"
DESCRIPTION = "description"
SAME = "same"  #: one dataset has two names; what follows from it is in `graphmodel.renaming`
DATASET = "dataset"  #: a dataset exists, with these columns: see `graphmodel.stated`
FACTS = "facts"  #: properties of a node: see `graphmodel.stated`

KINDS = (TAG, DESCRIPTION, SAME, DATASET, FACTS)
#: The kinds whose value is a JSON object; how it is checked and written as text.
_VALUES: Mapping[str, Callable[[object], str]] = {DATASET: dataset_text, FACTS: facts_text}

#: Tags with a meaning of their own.
OWNER = "owner"  #: ``owner=NAME``
RETIRED = "retired"  #: of a dataset: it was dropped, so what was written before holds no longer
IGNORED = "ignored"  #: of a job: its lineage is left out of answers
ERASED_WRITE = "erased-write"  #: ``erased-write=ENTRY``, of a dataset or column: that entry said how it was written
ERASED_READ = "erased-read"  #: ``erased-read=ENTRY``: that entry said what was made from it

RESERVED = frozenset({RETIRED, IGNORED, ERASED_WRITE, ERASED_READ})
"""Keys of tags that change answers: people give them, and no producer of events."""

#: What a statement can be about.
LABELS = ("dataset", "column", "job")

#: The labels that a tag with a meaning of its own can be given to; any other tag can be given to all of `LABELS`.
LABELS_OF_TAG: Mapping[str, tuple[str, ...]] = {RETIRED: ("dataset",), IGNORED: ("job",)}

PEOPLE = "people"
"""The source of statements made by hand, and of all statements in ledgers from before there were sources."""

_LONGEST = {"subject": 4_000, "value": 4_000, "by": 200, "reason": 2_000, "scope": 1_000, "name": 1_000}
_TAG = re.compile(r"[^\s=#*,][^=#*,\n]{0,199}(=[^\n]{1,1000})?")
_DIGEST = re.compile(r"[A-Za-z0-9_:.=+/-]{1,100}")
_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,49}")


class Key(NamedTuple):
    """What a later statement replaces, or withdraws. A node has many tags and, from each source, one description.

    `value` is the tag; of the kinds ``dataset`` and ``facts`` the `name`; and empty for the other kinds.
    """

    kind: str
    subject: str
    value: str
    source: str = PEOPLE
    scope: str = ""


@dataclass(frozen=True)
class Statement:
    """One statement: that `subject` has the tag, the description, the facts, ... `value`; or that it has not."""

    kind: str  #: one of `KINDS`
    subject: str  #: a node id, or for a tag a pattern of them with ``*``
    value: str  #: the tag as ``key`` or ``key=value``; the description; the name that is kept; a JSON text (`stated`)
    at: int  #: ms since 1970
    by: str | None = None  #: who states it
    reason: str | None = None
    withdrawn: bool = False
    source: str = PEOPLE
    scope: str = ""  #: what part of its source a statement belongs to; of people's it is empty
    snapshot: str = ""  #: the id of the snapshot that lists it, or that withdraws it by not listing it; else empty
    name: str = ""  #: of ``dataset`` and ``facts``: which of several things at one location it is about, e.g. a table

    @property
    def key(self) -> Key:
        """What it replaces."""
        value = self.value if self.kind == TAG else self.name
        return Key(self.kind, self.subject, value, self.source, self.scope)

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

    @property
    def dataset(self) -> StatedDataset | None:
        """The dataset that it lists; None: it is of another kind, or withdrawn."""
        return dataset_of(self.value) if self.kind == DATASET and not self.withdrawn else None

    def matches(self, node: str) -> bool:
        """Whether it is about this node. A pattern without ``#`` is about datasets and jobs, one with it of columns.

        A dataset that is listed is listed with its columns.
        """
        if self.kind == DATASET:
            return ids.split_node(node)[0] == self.subject
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
    id: str  #: a hash of its content, with its time
    by: str | None = None
    digest: str = ""  #: the sender's own hash of what it lists, by which it knows that nothing changed; may be empty

    @property
    def rank(self) -> tuple[int, str]:
        """Of two snapshots of one scope the one with the greater rank counts. It compares with ranks of statements."""
        return self.at, self.id


Said = Statement | Snapshot


def named_by(rules: Rules, said: Said) -> Said:
    """A statement about the datasets as `rules` name them: it may have been made when other rules held.

    What a system sends has its own spellings. Where two of its statements are about one dataset then, and would replace
    each other, the first counts.
    """
    if isinstance(said, Snapshot):
        return replace(said, statements=tuple(_named_by(rules, one) for one in said.statements))
    return said if rules == DEFAULT else _named_by(rules, said)


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
    ``by`` and ``digest``; its statements are ``{"kind", "subject", "value"}`` and perhaps ``reason`` and ``name``.
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
    as_text = _VALUES.get(str(fields.get("kind")))
    if as_text is not None:
        fields = {**fields, "value": as_text(fields.get("value"))}
    for name, (kinds, expected, required) in _TYPES.items():
        value = fields.get(name)
        if (value is None and required) or not (value is None or type(value) in kinds):
            raise StatementError(name, f"expected {name} to be {expected}")
        longest = None if as_text and name == "value" else _LONGEST.get(name)
        if isinstance(value, str) and longest is not None and len(value) > longest:
            raise StatementError(name, f"expected {name} to have at most {longest:,} characters")
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
            raise StatementError("kind", "a snapshot lists no statement of the kind same: these are made one by one")
        if by_key.setdefault(made.key, made) != made:
            named = f" and the name {made.name}" if made.name else ""
            raise StatementError(
                "statements", f"there are two statements of the kind {made.kind}{named} about {made.subject}"
            )
    content = json.dumps([shared, *(_without_defaults(by_key[key]) for key in sorted(by_key))], sort_keys=True)
    its_id = digest("snapshot", content)
    statements = tuple(replace(by_key[key], snapshot=its_id) for key in sorted(by_key))
    return Snapshot(
        str(shared["source"]),
        str(shared["scope"]),
        int(str(shared["at"])),
        statements,
        its_id,
        fields.get("by"),
        _digest(fields.get("digest")),
    )


def _digest(given: object) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or not _DIGEST.fullmatch(given):
        raise StatementError("digest", "expected digest to be a text of 1 to 100 letters and digits")
    return given


_FIELDS = tuple(name for name in Statement.__dataclass_fields__ if name != "snapshot")
_LISTED = ("kind", "subject", "value", "reason", "name")  #: the fields of a statement in a snapshot
_SNAPSHOT_FIELDS = frozenset({"source", "scope", "at", "by", "digest", "statements"})

_TYPES: Mapping[str, tuple[tuple[type, ...], str, bool]] = {
    "kind": ((str,), f"one of {', '.join(KINDS)}", True),
    "subject": ((str,), "the id of a dataset, column or job, or a pattern with *", True),
    "value": ((str,), "a text", True),
    "at": ((int,), "a time in ms since 1970", True),
    "by": ((str,), "a text", False),
    "reason": ((str,), "a text", False),
    "withdrawn": ((bool,), "true or false", False),
    "source": ((str,), "a word such as people or glue", False),
    "scope": ((str,), "a text", False),
    "name": ((str,), "a text", False),
}


def _check(made: Statement) -> None:
    if made.kind not in KINDS:
        raise StatementError("kind", f"expected kind to be one of {', '.join(KINDS)}, not {made.kind[:50]!r}")
    if not made.subject.strip():
        raise StatementError("subject", "expected subject to be the id of a node, or a pattern")
    if not _SOURCE.fullmatch(made.source):
        raise StatementError("source", "expected source to be a lower-case word such as people or glue")
    if made.source == PEOPLE and made.scope:
        raise StatementError("scope", "a statement by people has no scope")
    if made.kind in _VALUES and made.source == PEOPLE:
        raise StatementError("kind", f"systems state the kind {made.kind}, in a snapshot")
    if made.name and made.kind not in _VALUES:
        raise StatementError("name", f"a statement of the kind {made.kind} has no name")
    _CHECKS[made.kind](made)


def _check_tag(made: Statement) -> None:
    if not _TAG.fullmatch(made.value):
        expected = "words such as pii or personal data, without = # * and commas; or KEY=VALUE"
        raise StatementError("value", f"{made.value[:50]!r} is no tag: expected {expected}")


def _check_one_node(made: Statement) -> None:
    if "*" in made.subject:
        raise StatementError("subject", f"a statement of the kind {made.kind} is of one node: a pattern was given")


def _check_dataset(made: Statement) -> None:
    if not _is_dataset(made.subject):
        raise StatementError("subject", "expected subject to be the URI of one dataset")


def check_label(kind: str, value: str, subject: str, label: str) -> None:
    """StatementError: the tag `value` cannot be given to a node with this label; `subject` is its id."""
    labels = LABELS_OF_TAG.get(value, LABELS) if kind == TAG else LABELS
    if label not in labels:
        raise StatementError("subject", f"the tag {value} is of a {' or '.join(labels)}: {subject} is a {label}")


def _check_names(made: Statement) -> None:
    for part, name in (("subject", made.subject), ("value", made.value)):
        if not _is_dataset(name):
            raise StatementError(part, f"expected {part} to be the URI of one dataset")
    if made.subject == made.value:
        raise StatementError("value", "expected value to be another name than subject")


_CHECKS: Mapping[str, Callable[[Statement], None]] = {
    TAG: _check_tag,
    DESCRIPTION: _check_one_node,
    SAME: _check_names,
    DATASET: _check_dataset,
    FACTS: _check_one_node,
}


def _is_dataset(name: str) -> bool:
    return bool(name.strip()) and "#" not in name and "*" not in name and not name.startswith("job:")


def text(made: Said) -> bytes:
    """A statement or a snapshot as JSON: the inverse of `parse`."""
    if isinstance(made, Statement):
        document = {name: value for name, value in _without_defaults(made).items() if value is not None}
        document["value"] = _listed(made, "value")
    else:
        by = {"by": made.by} if made.by else {}
        listed = [as_listed(one) for one in made.statements]
        if made.digest:
            by["digest"] = made.digest
        document = {"source": made.source, "scope": made.scope, "at": made.at, **by, "statements": listed}
    return json.dumps(document, ensure_ascii=False).encode()


def as_listed(one: Statement) -> dict[str, Any]:
    """A statement as a snapshot's JSON lists it: without what it has from the snapshot."""
    return {name: value for name in _LISTED if (value := _listed(one, name)) is not None}


def _listed(one: Statement, name: str) -> object:
    """A field of a statement as a snapshot's JSON has it; None: it has not."""
    if name == "value" and one.kind in _VALUES:
        return json.loads(one.value)
    return getattr(one, name) if name != "name" else one.name or None


def _without_defaults(made: Statement) -> dict[str, Any]:
    """Its fields without defaults of the newer ones: bytes and ranks are as before statements had these fields."""
    fields = {name: getattr(made, name) for name in _FIELDS}
    for name, default in (("source", PEOPLE), ("scope", ""), ("name", "")):
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
    value, name = (key.value, "") if key.kind == TAG else ("", key.value)
    return Statement(key.kind, key.subject, value, at, None, None, True, key.source, key.scope, its_id, name)  # noqa: FBT003


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
        """The statements about a node: its own, withdrawn ones too, and the patterns that it matches.

        Of a column also those that list its dataset.
        """
        dataset, column = ids.split_node(node)
        listing = () if column is None else self._by_subject.get(dataset, ())
        return [
            *self._by_subject.get(node, ()),
            *(one for one in listing if one.kind == DATASET),
            *(one for one in self._patterns if one.matches(node)),
        ]

    def listed(self) -> dict[str, list[StatedDataset]]:
        """The datasets that systems list, each with what every such statement says of it."""
        found: dict[str, list[StatedDataset]] = {}
        for subject, said in self._by_subject.items():
            listings = [one.dataset for one in said if one.dataset]
            if listings:
                found[subject] = listings
        return found

    def other_names(self) -> Iterator[tuple[str, str]]:
        """(spelling, dataset) for each other name that systems give the datasets that they list."""
        return (pair for said in self._by_subject.values() for one in said for pair in alias_pairs(one))


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

    Of several sources people's counts, else the latest. What a system lists as the comment of a column describes it.
    """
    said = list(_describing(node, about))
    standing = [one for one in said if not one.withdrawn]
    if standing:
        return max(standing, key=lambda one: (one.source == PEOPLE, one.rank, one.key, one.value)).value
    return "" if said else None


def _describing(node: str, about: Iterable[Statement]) -> Iterator[Statement]:
    for one in about:
        if one.kind == DESCRIPTION and one.subject == node:
            yield one
        elif one.kind == DATASET and one.subject != node:
            column = _column(one, node)
            comment = column.comment if column else ""
            yield replace(one, kind=DESCRIPTION, subject=node, value=comment, name="", withdrawn=not comment)


def facts(node: str, about: Iterable[Statement]) -> str | None:
    """The facts of a node as JSON, out of the statements `about` it; `""` if all were withdrawn, None for none ever.

    A list of ``{"key", "value", "source", "scope", "at"}`` and perhaps ``name``, by key, then source, scope and name:
    where several say something of one key, all of it is told. What a system lists gives facts as well: `_listed_facts`.
    """
    said = [one for one in about if one.kind == DATASET or (one.kind == FACTS and one.subject == node)]
    if not said:
        return None
    found = [
        (key, one.source, one.scope, one.name, one.at, value)
        for one in said
        if not one.withdrawn
        for key, value in (facts_of(one.value) if one.kind == FACTS else _listed_facts(one, node)).items()
    ]
    if not found:
        return ""
    found.sort(key=lambda fact: (*fact[:5], json.dumps(fact[5])))
    told = [
        {"key": key, "value": value, "source": source, "scope": scope, "at": at, **({"name": name} if name else {})}
        for key, source, scope, name, at, value in found
    ]
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _listed_facts(one: Statement, node: str) -> dict[str, Any]:
    """What a statement that lists a dataset says of the dataset, or of a column of it.

    Of the dataset ``table`` (the statement's name), ``format`` and ``partitionKeys``; of a column ``type`` and
    ``partitionKey``.
    """
    listed = one.dataset
    if listed is None:
        return {}
    if one.subject == node:
        said: dict[str, Any] = {"table": one.name, "format": listed.format, "partitionKeys": listed.partition_keys}
    else:
        column = _column(one, node)
        said = {"type": column.type, "partitionKey": column.partition_key} if column else {}
    return {key: value for key, value in said.items() if value}


def _column(one: Statement, node: str) -> StatedColumn | None:
    listed = one.dataset
    return listed.columns.get(ids.split_node(node)[1] or "") if listed else None


def said_of(node: str, about: Iterable[Statement]) -> dict[str, str]:
    """The properties that statements `about` a node give its vertex."""
    listed = list(about)
    said = {"description": description(node, listed), "facts": facts(node, listed)}
    return {name: value for name, value in said.items() if value is not None}


def alias_pairs(one: Statement) -> list[tuple[str, str]]:
    """(spelling, dataset) for each other name that a statement gives the dataset that it lists."""
    listed = one.dataset
    return [(name, one.subject) for name in dict.fromkeys(listed.names) if name != one.subject] if listed else []


def parts(index: StatementIndex, nodes: Mapping[str, str]) -> Iterator[Part]:
    """All that statements add to a graph with these nodes (id -> label), to which those that are listed belong."""
    for node, label in nodes.items():
        about = index.about(node)
        for tag, its_edge in tag_edges(node, about).items():
            yield Part((tag_vertex(tag),), (its_edge,))
        said = said_of(node, about)
        if said:
            yield Part((vertex(node, label, **said),))


def with_properties(part: Part, index: StatementIndex) -> Part:
    """The part with the properties that statements give its vertices."""
    vertices = (_with_properties(v, index.about(v.id)) if v.label in LABELS else v for v in part.vertices)
    return Part(tuple(vertices), part.edges)


def _with_properties(v: Vertex, about: Iterable[Statement]) -> Vertex:
    said = said_of(v.id, about)
    return Vertex(v.id, v.label, {**v.properties, **said}) if said else v


def with_statements(part: Part, index: StatementIndex) -> Part:
    """The part with what statements give its vertices: properties, and tags."""
    described = with_properties(part, index)
    tags: dict[str, Vertex] = {}
    edges: list[Edge] = []
    for v in part.vertices:
        if v.label in LABELS:
            for tag, its_edge in tag_edges(v.id, index.about(v.id)).items():
                tags[tag] = tag_vertex(tag)
                edges.append(its_edge)
    return Part((*described.vertices, *tags.values()), (*described.edges, *edges))
