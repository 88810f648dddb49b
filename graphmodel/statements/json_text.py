"""Statements and snapshots as JSON text, which the ledger keeps: read, checked field by field, and written.

Not here: the checks that need the graph (`ingest.folder.statement_checking`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from headwater.graphmodel.delta import digest
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.model import (
    DATASET,
    DESCRIPTION,
    FACTS,
    KINDS,
    LABELS,
    LABELS_OF_TAG,
    PEOPLE,
    SAME,
    TAG,
    Key,
    Said,
    Snapshot,
    Statement,
)
from headwater.graphmodel.statements.values import dataset_text, facts_text

KIND = "headwater.statement"
"""The kind of a ledger entry that holds one statement, or one snapshot of many, as JSON: see `parse`."""

CONTENT_TYPE = "application/json"

#: The kinds whose value is a JSON object; how it is checked and written as text.
_VALUES: Mapping[str, Callable[[object], str]] = {DATASET: dataset_text, FACTS: facts_text}

_LONGEST = {"subject": 4_000, "value": 4_000, "by": 200, "reason": 2_000, "scope": 1_000, "name": 1_000}
_TAG = re.compile(r"[^\s=#*,][^=#*,\n]{0,199}(=[^\n]{1,1000})?")
_DIGEST = re.compile(r"[A-Za-z0-9_:.=+/-]{1,100}")
_SOURCE = re.compile(r"[a-z][a-z0-9_-]{0,49}")


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
    content = json.dumps([shared, *(by_key[key].fields() for key in sorted(by_key))], sort_keys=True)
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
        document = {name: value for name, value in made.fields().items() if value is not None}
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
