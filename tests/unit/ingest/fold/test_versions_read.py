"""Versions that runs read are looked up in the tables that count now, whichever file these are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from headwater.graphmodel.ids import initial_version_id, version_id
from headwater.ingest.fold.versions_read import VersionsRead


def tables(path: Path, seen: str | None) -> Path:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE reads (dataset TEXT, timestamp INTEGER, run TEXT, seen TEXT)")
        db.execute("INSERT INTO reads VALUES ('s3://a', 1, 'run:r', ?)", (seen,))
    return path


def test_another_file_takes_the_place_of_the_first_one(tmp_path: Path) -> None:
    """As while `headwater publish --follow` runs beside a server that builds the graph for the first time, and anew."""
    now = tmp_path / "1.sqlite"
    read = VersionsRead(lambda: now)
    assert read("run:r", 1, ["s3://a"]) == {}
    tables(now, None)
    assert read("run:r", 1, ["s3://a"]) == {"s3://a": initial_version_id("s3://a")}
    old, now = now, tables(tmp_path / "2.sqlite", "run:w")
    old.unlink()
    assert read("run:r", 1, ["s3://a", "s3://b"]) == {"s3://a": version_id("s3://a", "run:w")}
    now.unlink()
    assert read("run:r", 1, ["s3://a"]) == {}
    read.close()
