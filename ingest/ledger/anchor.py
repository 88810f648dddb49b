"""The anchor: a ledger's head as an earlier check saw it, in a small JSON file that is kept somewhere else."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from headwater.ingest.ledger.entries import Head, LedgerError
from headwater.ingest.ledger.file import sync_folder


@dataclass(frozen=True)
class Anchor:
    """Which ledger, and its head."""

    ledger: str
    head: Head


def read_anchor(path: Path) -> Anchor:
    """LedgerError: the file is no anchor."""
    try:
        found = json.loads(path.read_bytes())
        return Anchor(str(found["ledger"]), Head(int(found["sequence"]), str(found["hash"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"{path} is not an anchor (JSON with ledger, sequence and hash)") from error


def write_anchor(path: Path, anchor: Anchor, now_ms: int) -> None:
    """Replace the file as a whole, durably: an interrupted write leaves the old one. LedgerError: it cannot."""
    when = datetime.fromtimestamp(now_ms / 1000, timezone.utc).isoformat(timespec="milliseconds")
    content = {"ledger": anchor.ledger, "sequence": anchor.head.sequence, "hash": anchor.head.hash, "when": when}
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise LedgerError(f"the anchor {path} cannot be written: {error.strerror}") from error
