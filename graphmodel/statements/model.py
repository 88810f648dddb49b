"""What a statement is, and a snapshot of them; what they can be about. Data.

Not here: their JSON and its checks (`json_text`), and which of them count (`effective`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from headwater.graphmodel import ids
from headwater.graphmodel.delta import digest
from headwater.graphmodel.naming import DEFAULT, Rules, canonical
from headwater.graphmodel.statements.values import StatedDataset, dataset_of

TAG = "tag"
DESCRIPTION = "description"
SAME = "same"  #: one dataset has two names; what follows from it is in `graphmodel.renaming`
DATASET = "dataset"  #: a dataset exists, with these columns: see `values`
FACTS = "facts"  #: properties of a node: see `values`

KINDS = (TAG, DESCRIPTION, SAME, DATASET, FACTS)
"""What people and systems may state."""
CALLED = "called"  #: events call the dataset by another name, its `value`; that is all: it need not exist
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

    kind: str  #: one of `KINDS`, or `CALLED`
    subject: str  #: a node id, or for a tag a pattern of them with ``*``
    value: str  #: the tag as ``key`` or ``key=value``; the description; the name that is kept; a JSON text (`values`)
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
        return self.at, self.snapshot or digest(json.dumps(self.fields(), sort_keys=True))

    def fields(self) -> dict[str, Any]:
        """All but `snapshot`; no defaults of the newer ones: bytes and ranks are as before statements had these."""
        fields = {name: getattr(self, name) for name in _FIELDS}
        for name, default in (("source", PEOPLE), ("scope", ""), ("name", "")):
            if fields[name] == default:
                del fields[name]
        return fields

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


_FIELDS = tuple(name for name in Statement.__dataclass_fields__ if name != "snapshot")


@dataclass(frozen=True)
class Snapshot:
    """All that a source states about a scope at one time. Made by `json_text`."""

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


def statements_of(said: Said) -> tuple[Statement, ...]:
    """The statements of a snapshot; or the one statement that it is."""
    return said.statements if isinstance(said, Snapshot) else (said,)


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
