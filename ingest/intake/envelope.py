"""The envelope: an accepted payload as one file, with what a ledger entry has beside the body. Pure.

This is what a receiver writes into an inbox: packed JSON, one payload a file, named by the day and by its content, so
that the same payload, delivered twice on one day, is one file.

    2026-03-01/<SHA-256 of kind, content type and body>.json.gz

    {"headwaterInbox": 1, "kind": "...", "contentType": "application/json", "sender": "glue",
     "receivedMs": 17..., "redactions": ["..."], "sha256": "<of the body>", "body": "..."}

A payload of an account has it in its `contentType`, as its entry in the ledger has (`accounts`).

`body` is the text of the bytes that are kept, or `base64` where they are not UTF-8. Who reads it validates it, and
takes secrets out, as if it had just been posted: whoever may write to an inbox can write anything. Not here: storing
files (`ingest.inbox`), and files that hold a payload as agents write them (`loading`).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeGuard

import orjson

from headwater.ingest.intake.bridge import DecodeError
from headwater.ingest.ledger.entries import NewEntry

FORMAT = 1
MARK = "headwaterInbox"  #: the key that tells an envelope from all payloads
_LEVEL = 3  #: as the ledger packs bodies: nearly as small as level 6, in a third of the time


@dataclass(frozen=True)
class Envelope:
    """A payload and how it came in, as its file says it."""

    kind: str
    content_type: str
    body: bytes
    sender: str | None
    received_ms: int
    redactions: tuple[str, ...]


def file_of(entry: NewEntry, received_ms: int) -> tuple[str, bytes]:
    """The name and the content of the file for an accepted payload. The same bytes for the same arguments."""
    digest = hashlib.sha256(f"{entry.kind}\n{entry.content_type}\n".encode())
    digest.update(entry.body)
    day = datetime.fromtimestamp(received_ms / 1000, timezone.utc).date().isoformat()
    document: dict[str, Any] = {
        MARK: FORMAT,
        "kind": entry.kind,
        "contentType": entry.content_type,
        "sender": entry.sender,
        "receivedMs": received_ms,
        "redactions": entry.redactions,
        "sha256": hashlib.sha256(entry.body).hexdigest(),
    }
    try:
        text = orjson.dumps({**document, "body": entry.body.decode()})
    except UnicodeDecodeError:
        text = orjson.dumps({**document, "base64": base64.b64encode(entry.body).decode()})
    return f"{day}/{digest.hexdigest()}.json.gz", gzip.compress(text, _LEVEL, mtime=0)


def is_envelope(document: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether a JSON document says that it is an envelope."""
    return isinstance(document, Mapping) and MARK in document


def parse_envelope(document: Mapping[str, Any]) -> Envelope:
    """The envelope in a JSON document. DecodeError: it is none, or its body is not the one that was written."""
    if document[MARK] != FORMAT:
        raise DecodeError(f"{MARK}: format {str(document[MARK])[:20]} is not known; this version reads {FORMAT}")
    body = _body(document)
    sender, redactions = document.get("sender"), document.get("redactions", [])
    if hashlib.sha256(body).hexdigest() != document.get("sha256"):
        raise DecodeError("sha256: it is not that of the body: the file was altered or damaged")
    if not (sender is None or isinstance(sender, str)):
        raise DecodeError("sender: expected a text or null")
    if not isinstance(redactions, list) or not all(isinstance(each, str) for each in redactions):
        raise DecodeError("redactions: expected a list of texts")
    received_ms = document.get("receivedMs")
    if not isinstance(received_ms, int):
        raise DecodeError("receivedMs: expected a whole number")
    kind, content_type = document.get("kind"), document.get("contentType")
    if not isinstance(kind, str) or not isinstance(content_type, str):
        raise DecodeError("kind, contentType: expected texts")
    return Envelope(kind, content_type, body, sender, received_ms, tuple(redactions))


def _body(document: Mapping[str, Any]) -> bytes:
    text, packed = document.get("body"), document.get("base64")
    if isinstance(text, str):
        return text.encode()
    try:
        return base64.b64decode(packed if isinstance(packed, str) else "!", validate=True)
    except ValueError:
        raise DecodeError("body: expected a text, or base64") from None
