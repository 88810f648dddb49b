-- The ledger's schema, format 1. Run once, in one transaction, on a new file (ingest/ledger/sqlite/file.py).
-- PRAGMA application_id is the text "HWLG": it tells a ledger from any other SQLite file.
PRAGMA application_id = 1213680711;

-- format: this schema's number; ledger_id: 32 hex digits, the start of the chain; created_ms: ms since 1970.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- One row per kept payload, numbered 1, 2, 3, ... without gaps. `hash` chains over the row before.
CREATE TABLE entries (
    sequence INTEGER PRIMARY KEY,
    received_ms INTEGER NOT NULL,
    sender TEXT,
    kind TEXT NOT NULL,
    content_type TEXT NOT NULL,
    redactions TEXT NOT NULL,  -- a JSON array of strings, in ASCII
    content INTEGER NOT NULL,  -- bodies.content: the sequence of the first entry with these bytes
    salted BLOB NOT NULL,      -- SHA-256(salt + body)
    hash BLOB NOT NULL         -- headwater.ingest.ledger.chain.link
);

-- Not UNIQUE, like bodies_by_sha256: a unique index would let INSERT OR REPLACE delete a row past the triggers.
CREATE INDEX entries_by_content ON entries (content);

-- Each content once. The salt and the plain SHA-256 go with the body when it is erased: with either of them left
-- behind, a short body could be guessed.
CREATE TABLE bodies (
    content INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL,
    salt BLOB NOT NULL,
    size INTEGER NOT NULL,     -- bytes, unpacked
    packed BLOB NOT NULL       -- zlib
);

CREATE INDEX bodies_by_sha256 ON bodies (sha256);

-- Which entry (of the kind `erasure`) says that a content was removed.
CREATE TABLE erasures (
    content INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL
);

-- How often identical bytes came again, and when last. The one table whose rows change.
CREATE TABLE repeats (
    sequence INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    last_ms INTEGER NOT NULL
);

CREATE TRIGGER entries_refuse_update BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: entries are never changed'); END;

CREATE TRIGGER entries_refuse_delete BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: entries are never deleted'); END;

-- Also refuses INSERT OR REPLACE, which deletes without firing a DELETE trigger.
CREATE TRIGGER entries_only_at_the_end BEFORE INSERT ON entries
WHEN NEW.sequence <> (SELECT COALESCE(MAX(sequence), 0) + 1 FROM entries)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an entry is added at the end'); END;

CREATE TRIGGER bodies_refuse_update BEFORE UPDATE ON bodies
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: bodies are never changed'); END;

CREATE TRIGGER bodies_refuse_replace BEFORE INSERT ON bodies
WHEN EXISTS (SELECT 1 FROM bodies WHERE content = NEW.content)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: bodies are never changed'); END;

CREATE TRIGGER bodies_only_erased BEFORE DELETE ON bodies
WHEN NOT EXISTS (SELECT 1 FROM erasures WHERE content = OLD.content)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: a body is removed by headwater erase alone'); END;

CREATE TRIGGER erasures_need_an_entry BEFORE INSERT ON erasures
WHEN NOT EXISTS (SELECT 1 FROM entries WHERE sequence = NEW.sequence AND kind = 'erasure')
    OR EXISTS (SELECT 1 FROM erasures WHERE content = NEW.content)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: an erasure has an entry that says so'); END;

CREATE TRIGGER erasures_refuse_update BEFORE UPDATE ON erasures
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: erasures are never changed'); END;

CREATE TRIGGER erasures_refuse_delete BEFORE DELETE ON erasures
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: erasures are never deleted'); END;
