"""A ledger of any kind written into an SQLite file, entry by entry, as it is: ids, times and hashes stay the same."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path

from headwater.ingest.ledger.entries import ERASURE, LedgerUnavailable, StoredEntry
from headwater.ingest.ledger.port import LedgerReader
from headwater.ingest.ledger.sqlite.file import connect_writer, create_if_new
from headwater.ingest.progress import Progress

_GROUP = 500  #: entries in one transaction
_LEVEL = 3  #: as the ledger packs bodies


def import_ledger(ledger: LedgerReader, path: Path, now_ms: int, progress: Progress) -> None:
    """Write all entries into a new file. They are not checked: `verify` does that with the file.

    LedgerUnavailable: the file cannot be written; errors of `ledger` as they are.
    """
    total, done = ledger.head().sequence, 0
    contents: dict[bytes, int] = {}  # by salted hash: the first entry with these bytes
    entries = ledger.stored()
    try:
        with closing(connect_writer(path)) as connection:
            create_if_new(connection, path, now_ms)
            connection.execute("UPDATE meta SET value = ? WHERE key = 'ledger_id'", (ledger.id,))
            while group := list(islice(entries, _GROUP)):
                _write(connection, group, contents)
                done += len(group)
                progress(done, max(done, total))
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"{path} cannot be written: {error}") from error


def _write(connection: sqlite3.Connection, entries: Iterable[StoredEntry], contents: dict[bytes, int]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for chained, digest, salt, body, _ in entries:
        content = contents.setdefault(chained.salted, chained.sequence)
        if body is not None and content == chained.sequence:
            row = (content, hashlib.sha256(body).digest(), salt, len(body), zlib.compress(body, _LEVEL))
            connection.execute("INSERT INTO bodies VALUES (?, ?, ?, ?, ?)", row)
        connection.execute(
            """INSERT INTO entries
            (sequence, received_ms, sender, kind, content_type, redactions, salted, content, hash)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (*chained, content, digest),
        )
        if chained.kind == ERASURE and body is not None:
            erased = contents.get(bytes.fromhex(json.loads(body)["saltedSha256"]))
            if erased is not None:
                connection.execute("INSERT INTO erasures VALUES (?, ?)", (erased, chained.sequence))
    connection.execute("COMMIT")
