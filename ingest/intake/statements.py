"""The bridge of statements: what people and systems say of datasets, columns and jobs, made entries of the ledger.

A statement is checked, cleaned of secrets and given its time. Not here: what it may say (`graphmodel.statements`), and
whether its node exists (`ingest.folder.statement_checking`).
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headwater.graphmodel.ids import split_node
from headwater.graphmodel.naming import DEFAULT, UNFOLDED, Rules, canonical
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.json_text import CONTENT_TYPE, KIND, as_listed, snapshot, statement, text
from headwater.graphmodel.statements.json_text import parse as parse_said
from headwater.graphmodel.statements.model import DATASET, FACTS, TAG, Key, Statement, named_by
from headwater.ingest.intake.body import InvalidBody, parse
from headwater.ingest.intake.bridge import Accepted, Bridge, Decoded, DecodeError, Receipt
from headwater.ingest.ledger.entries import NewEntry
from headwater.spline_bridge.redact import redact
from headwater.spline_bridge.secret_patterns import MASK, clean_text, clean_texts, is_masked, secret_name

Notes = tuple[str, ...]  #: what was removed, for the ledger: ``reason: password``


def said_by_person(fields: Mapping[str, Any], by: str | None = None) -> tuple[Statement, Notes]:
    """A person's statement out of its fields, without secrets and not yet with a time (`at` is 0).

    `by` is who sends it, where the fields name nobody. StatementError: the field that is wrong.
    """
    if "at" in fields:
        raise StatementError("at", "the time of a statement is that of its receipt: leave out at")
    for name in ("source", "scope"):
        if name in fields:
            raise StatementError(name, f"a statement by people has no {name}: systems send snapshots")
    return _cleaned(statement({"by": by, **fields, "at": 0}))


def entry_of(said: Statement, notes: Notes, sender: str | None = None) -> NewEntry:
    """The ledger entry of a statement."""
    return NewEntry(KIND, CONTENT_TYPE, text(said), sender, notes)


class Times:
    """Gives each statement a time after that of the one that it replaces, even where the clock was set back."""

    _KEPT = 10_000  #: keys of the last statements; the graph knows the time of earlier ones

    def __init__(self, clock: Callable[[], int]) -> None:
        """`clock` gives ms since 1970."""
        self._clock = clock
        self._last: OrderedDict[Key, int] = OrderedDict()

    def stamp(self, said: Statement, after: int) -> Statement:
        """The statement with its time: now, but later than `after`, and than what was last stamped of its key."""
        at = max(self._clock(), after + 1, self._last.get(said.key, -1) + 1)
        self._last[said.key] = at
        self._last.move_to_end(said.key)
        while len(self._last) > self._KEPT:
            self._last.popitem(last=False)
        return replace(said, at=at)


def _cleaned(said: Statement) -> tuple[Statement, Notes]:
    """A statement without secrets. What is cleaned is checked again: a subject that was all secret is none."""
    notes: list[str] = []

    def clean(name: str, dirty: str | None) -> str | None:
        found, kinds = clean_text(dirty or "")
        notes.extend(f"{name}: {kind}" for kind in kinds)
        return found or None

    if said.kind in (DATASET, FACTS):
        kept, kinds = redact(json.loads(said.value))
        notes.extend(f"value{note.removeprefix('$')}" for note in kinds)
        value = json.dumps(kept) if kinds else said.value
    else:
        value = _clean_tag(said.value, notes) if said.kind == TAG else clean("value", said.value) or ""
    subject = clean("subject", said.subject) or ""
    made = replace(said, subject=subject, value=value, by=clean("by", said.by), reason=clean("reason", said.reason))
    if "*" in made.subject and "*" not in said.subject:
        raise StatementError("subject", "the subject holds a secret: name the node without it")
    return made, tuple(notes)


def _are_clean(said: Sequence[Statement]) -> bool:
    """Whether there is certainly no secret in these: all are looked through at once, which is much faster."""
    told = [one for one in said if one.kind in (DATASET, FACTS)]
    others = [one for one in said if one.kind not in (DATASET, FACTS)]
    texts = {text for one in said for text in (one.subject, one.by, one.reason) if text}
    texts.update(one.value for one in others)
    if clean_texts(texts) or any(secret_name(one.value.partition("=")[0]) for one in others if one.kind == TAG):
        return False
    return not redact({"values": [json.loads(one.value) for one in told]})[1]


def _clean_tag(tag: str, notes: list[str]) -> str:
    """A tag without secrets. KEY=VALUE is no secret for its key alone: ``token=monthly`` says how a token is renewed.

    A password is the exception: nobody classifies data by one.
    """
    key, separator, value = tag.partition("=")
    if clean_text(key)[1]:
        raise StatementError("value", "the key of the tag looks like a secret")
    found, kinds = clean_text(value)
    if secret_name(key) == "password" and not is_masked(value):
        found, kinds = MASK, ("password",)
    notes.extend(f"value: {kind}" for kind in kinds)
    return f"{key}{separator}{found}"


def snapshot_entry(fields: Mapping[str, Any], at: int, sender: str | None = None) -> NewEntry:
    """The ledger entry of a snapshot, `at` in ms since 1970. StatementError: the field that is wrong.

    Subjects are spelled in one way, with all of their folders: which of these are partitions, rules say that can be
    changed later. They are not looked up: a catalogue knows datasets before the first job reads them, and a
    statement about a node that is not there waits for it.
    """
    if "at" in fields:
        raise StatementError("at", "the time of a snapshot is that of its receipt: leave out at")
    if "statements" not in fields:
        raise StatementError("statements", "a snapshot lists statements")
    made = snapshot({"by": sender, **fields, "at": at})
    spelled = tuple(replace(one, subject=_canonical_subject(one.subject)) for one in made.statements)
    if _are_clean(spelled) and len({one.key for one in spelled}) == len(spelled):  # checked already, and as it is
        return NewEntry(KIND, CONTENT_TYPE, text(replace(made, statements=spelled)), sender, ())
    cleaned = list(map(_cleaned, spelled))
    notes = tuple(sorted({note for _, its_notes in cleaned for note in its_notes}))
    listed = [as_listed(one) for one, _ in cleaned]
    by = cleaned[0][0].by if cleaned else clean_text(made.by or "")[0] or None
    kept = {"digest": made.digest} if made.digest else {}
    again = snapshot({"source": made.source, "scope": made.scope, "at": at, "by": by, "statements": listed, **kept})
    return NewEntry(KIND, CONTENT_TYPE, text(again), sender, notes)


def _canonical_subject(subject: str) -> str:
    if subject.startswith("job:") or "*" in subject:
        return subject
    dataset, column = split_node(subject)
    whole = canonical(dataset, UNFOLDED)
    return whole if column is None else f"{whole}#{column.lower()}"


def _accept(_content_type: str, body: bytes, receipt: Receipt) -> Accepted:
    document = parse(body, receipt.limits)
    if not isinstance(document, dict):
        raise InvalidBody(400, "body: expected a statement as a JSON object")
    try:
        if "statements" in document:
            return Accepted((snapshot_entry(document, receipt.at_ms, receipt.sender),))
        said, notes = said_by_person(document, receipt.sender)
        return Accepted((entry_of(replace(said, at=receipt.at_ms), notes, receipt.sender),))
    except StatementError as error:
        raise InvalidBody(400, f"{error.field}: {error}") from None


def _decode(body: bytes, _content_type: str, rules: Rules = DEFAULT) -> Decoded:
    try:
        return Decoded(statements=(named_by(rules, parse_said(body)),))
    except StatementError as error:
        raise DecodeError(f"{error.field}: {error}") from error


STATEMENTS = Bridge(
    kind=KIND,
    title="a statement",
    counted="statements",
    path="/api/v1/statements",
    content_types=(CONTENT_TYPE,),
    accept=_accept,
    decode=_decode,
)
