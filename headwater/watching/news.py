"""What changed in an answer, compared with the one before. Pure.

An answer is a set of items: the edges of a lineage answer, the rows of a table, what a change affects. Each has a key
that identifies it, and a content; both are text, so that they can be saved as JSON.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.graphmodel.delta import digest
from headwater.queries.answers.answer import Edge, Table
from headwater.queries.answers.audit import Audit
from headwater.queries.answers.impact import Impact
from headwater.queries.answers.shapes import Result

Items = Mapping[str, str]  #: key -> content

#: What identifies a row of a table: the first of these columns that it has, else the whole row.
_KEYS = ("id", "node", "column", "tag", "name")


@dataclass(frozen=True)
class News:
    """What changed: keys with their contents; of what changed, before and after."""

    added: Mapping[str, str]
    removed: Mapping[str, str]
    changed: Mapping[str, tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def only(self, kinds: Iterable[str]) -> News:
        """Of these kinds of change alone."""
        wanted = set(kinds)
        return News(**{kind: found if kind in wanted else {} for kind, found in vars(self).items()})

    @property
    def id(self) -> str:
        """The same for the same news: a function of its content."""
        return digest(json.dumps(self.to_dict(), sort_keys=True))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        changed = {key: list(both) for key, both in self.changed.items()}
        return {"added": dict(self.added), "removed": dict(self.removed), "changed": changed}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> News:
        """The inverse of `to_dict`."""
        changed = {key: (before, after) for key, (before, after) in data["changed"].items()}
        return cls(data["added"], data["removed"], changed)


def items(answer: Result, ignored: Iterable[str] = ()) -> dict[str, str]:
    """The items of an answer, without the columns that are ignored."""
    if isinstance(answer, Table):
        found = _rows(answer)
    elif isinstance(answer, Impact):
        found = _affected(answer)
    elif isinstance(answer, Audit):
        found = ((f"{row['kind']} {row['id']}", {"how": row["text"]}) for row in answer.findings)
    else:
        found = _edges(answer.edges)
    left_out = frozenset(ignored)
    return {key: _content({n: v for n, v in row.items() if n not in left_out}) for key, row in found}


def difference(before: Items, after: Items, *, complete: bool) -> News:
    """What changed. If the new answer is not complete, nothing counts as removed: it may be in the missing part."""
    added = {key: after[key] for key in sorted(after.keys() - before.keys())}
    removed = {key: before[key] for key in sorted(before.keys() - after.keys())} if complete else {}
    both = sorted(key for key in before.keys() & after.keys() if before[key] != after[key])
    return News(added, removed, {key: (before[key], after[key]) for key in both})


def kept(before: Items, after: Items, *, complete: bool) -> dict[str, str]:
    """The items to save for the next comparison: with those before, if the new answer is not complete."""
    return dict(after) if complete else {**before, **after}


def expression_of(key: str, content: str) -> str | None:
    """The node that an item tells the expressions of: the target of an edge, a column; None for other items."""
    if " -> " in key and key.endswith(")"):
        return key.partition(" -> ")[2].rpartition(" (")[0]
    return key if "#" in key and "expression: " in content else None


def _affected(impact: Impact) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a change affects, and how. How often and when something runs is left out: it changes with every run."""
    for item in impact.affected:
        yield item.id, {"how": item.grade}


def _edges(edges: Iterable[Edge]) -> Iterator[tuple[str, dict[str, Any]]]:
    """One item for each pair of nodes and kind of edge; several plans that derive it alike are one."""
    by_key: dict[str, list[Edge]] = {}
    for edge in edges:
        kind = f" {edge.subtype.lower()}" if edge.subtype else ""
        by_key.setdefault(f"{edge.source} -> {edge.target} ({edge.type}{kind})", []).append(edge)
    for key, alike in by_key.items():
        yield key, {"how": "; ".join(sorted(map(_how, alike)))}


def _how(edge: Edge) -> str:
    flags = ((edge.masking, "masked"), (not edge.exact, "not exact"), (not edge.certain, "not certain"))
    parts = [edge.expression, *(word for holds, word in flags if holds), edge.job and f"by {edge.job}"]
    return ", ".join(part for part in parts if part)


def _rows(table: Table) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where a name does not tell rows apart, all of a row does."""
    names = [next((str(row[name]) for name in _KEYS if row.get(name) is not None), _text(row)) for row in table.rows]
    often = Counter(names)
    for name, row in zip(names, table.rows, strict=True):
        yield (name if often[name] == 1 else f"{name} {_text(row)}"), dict(row)


def _content(row: Mapping[str, Any]) -> str:
    """As people read it; a function of the content alone."""
    if row.keys() == {"how"}:
        return _text(row["how"])
    return ", ".join(f"{name}: {_text(value)}" for name, value in row.items() if value is not None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
