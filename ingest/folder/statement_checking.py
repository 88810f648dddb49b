"""What a person's statement is about: its subject looked up in the graph, before the statement is kept.

Here is asked what only the graph and the derived tables know: whether the node exists, and whether what is withdrawn
was stated. What a statement may say at all is checked in `statements.json_text`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.naming import Rules, canonical
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.json_text import check_label
from headwater.graphmodel.statements.model import LABELS, SAME, TAG, Key, Statement
from headwater.ingest.folder.service import Service
from headwater.queries.answers.errors import NodeNotFound, QueryError
from headwater.queries.tracing.resolve import resolve


@dataclass(frozen=True)
class Checked:
    """A statement's subject and value as they are to be kept."""

    subject: str  #: the id of a node, or a pattern
    value: str  #: of the kind ``same`` the id of the dataset that is kept
    nodes: int  #: how many nodes it is about now
    after: int  #: the time of the statement that it replaces, in ms since 1970; 0 if there is none

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return dict(vars(self))


def check(service: Service, said: Statement) -> Checked:
    """Look up the subject of a statement, in any spelling. Its time is not looked at.

    QueryError: there is no such node (NodeNotFound, with near names), a pattern matches nothing, the tag is not for
    nodes of this label, or what is withdrawn was not stated. GraphRebuilding: it cannot be looked up now.
    """
    with service.looking_up():
        return _checked(service, said)


def _checked(service: Service, said: Statement) -> Checked:
    try:
        if said.kind == SAME:
            said, nodes = _check_names(service, said), 1
        elif said.is_pattern:
            nodes = _check_pattern(service, said)
        else:
            said, nodes = _check_node(service, said), 1
    except StatementError as error:
        raise QueryError(str(error), error.field) from None
    if said.kind == TAG and said.withdrawn:
        _check_withdrawal(service, said)
    replaced = service.derived.statement(said.key)
    return Checked(said.subject, said.value, nodes, replaced.at if replaced else 0)


def _check_node(service: Service, said: Statement) -> Statement:
    try:
        node = resolve(service.store.g, said.subject, LABELS, "subject", service.rules)
    except NodeNotFound:
        # Ledgers from before subjects were looked up have statements about nodes that never came.
        stated = [
            name
            for name in _spellings(said.subject, service.rules)
            if _stands(service, replace(said, subject=name).key)
        ]
        if not said.withdrawn or not stated:
            raise
        return replace(said, subject=stated[0])
    label = "job" if node.startswith("job:") else "dataset" if split_node(node)[1] is None else "column"
    if not said.withdrawn:
        check_label(said.kind, said.value, node, label)
    return replace(said, subject=node)


def _check_pattern(service: Service, said: Statement) -> int:
    label = "column" if "#" in said.subject else "job" if said.subject.startswith("job:") else "dataset"
    if not said.withdrawn:
        check_label(said.kind, said.value, f"what matches {said.subject}", label)
    found = service.ask("matching", {"pattern": said.subject, "limit": 10_000}).to_dict()["rows"]
    if not found and not said.withdrawn:
        raise QueryError(
            f"nothing matches {said.subject!r}: a pattern is a node's id in which * stands for any text", "subject"
        )
    return len(found)


def _check_names(service: Service, said: Statement) -> Statement:
    g = service.store.g
    kept = resolve(g, said.value, ("dataset",), "value", service.rules)
    other = resolve(g, said.subject, ("dataset",), "subject", service.rules)
    if said.withdrawn:
        stated = [
            name
            for name in _spellings(said.subject, service.rules)
            if _stands(service, replace(said, subject=name).key)
        ]
        if other != kept or not stated:
            raise StatementError("subject", f"{said.subject} and {said.value} were not said to be one")
        return replace(said, subject=stated[0], value=kept)
    if other == kept:
        raise StatementError("subject", f"{said.subject} and {said.value} are one already")
    return replace(said, subject=other, value=kept)


def _check_withdrawal(service: Service, said: Statement) -> None:
    """QueryError: the tag was not given to just this subject by this source; it says who gives it, if anyone does."""
    if _stands(service, said.key):
        return
    for one in service.derived.statements_about(said.subject):
        if (one.kind, one.value, one.withdrawn) == (TAG, said.value, False):
            if one.is_pattern:
                raise QueryError(f"{said.value} comes from the pattern {one.subject}: withdraw it there", "subject")
            raise QueryError(f"{said.value} comes from {one.source} ({one.scope}): it is withdrawn there", "subject")
    raise QueryError(f"{said.subject} has no tag {said.value}", "value")


def _stands(service: Service, key: Key) -> bool:
    found = service.derived.statement(key)
    return found is not None and not found.withdrawn


def _spellings(subject: str, rules: Rules) -> Iterator[str]:
    """What a node that is not in the graph may have been called when it was stated."""
    dataset, column = split_node(subject)
    for name in dict.fromkeys((dataset, canonical(dataset, rules))):
        yield name if column is None else f"{name}#{column}"
        if column is not None:
            yield f"{name}#{column.lower()}"
