"""Measures `headwater glue-catalog sync` against a catalog on loopback, in a process of its own.

``python -m bench.catalogue DATABASES TABLES COLUMNS`` is that catalog: it prints its URL and answers two calls of Glue.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench.figure import Figure
from headwater.aws_bridge.glue_catalog_client import GlueCatalog
from headwater.glue_catalog import CatalogSynced, Options, sync
from headwater.source import find

_ACCOUNT = "123456789012"
_PAGE = 100
_TABLES, _COLUMNS = 100, 20  #: of a database, of a table
_ROOT = Path(__file__).parents[1]
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def catalogue(place: Path, *, quick: bool) -> list[Figure]:
    """The CPU time of a first sync into a data folder, with the graph, and of a second one that finds no change."""
    databases = 10 if quick else 100
    given = dict.fromkeys(_KEYS, "dummy")
    before = {key: os.environ.get(key) for key in given}
    os.environ.update(given)
    try:
        with _serving(databases) as url:
            first, first_seconds = _sync(place / "catalogue", url)
            again, again_seconds = _sync(place / "catalogue", url)
    finally:
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})
    assert first.count("sent") == databases, "each database is sent"
    assert again.count("unchanged") == databases, "nothing changed, so no entry was made"
    tables = databases * _TABLES
    return [
        Figure(f"{tables:,} tables, {tables * _COLUMNS:,} columns into the graph: CPU", first_seconds, "s", 60),
        Figure("the same again, without a change: CPU", again_seconds, "s", 10),
        Figure("entries of the second sync", sum(row.entry is not None for row in again.rows), "", 0),
    ]


def _sync(folder: Path, url: str) -> tuple[CatalogSynced, float]:
    begin = time.process_time()
    source = find(folder)
    try:
        done = sync(GlueCatalog("eu-west-1", None, url), source, Options(), lambda _done, _of: None)
        source.settle(lambda _done, _of: None)
    finally:
        source.close()
    return done, time.process_time() - begin


@contextmanager
def _serving(databases: int) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.catalogue", *map(str, (databases, _TABLES, _COLUMNS))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
    try:
        assert process.stdout is not None, "it was asked for"
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def _table(database: str, number: int, columns: int) -> dict[str, Any]:
    named = [{"Name": f"c{i}", "Type": "decimal(18,2)", "Comment": f"column {i}"} for i in range(columns - 1)]
    return {
        "Name": f"t{number}",
        "DatabaseName": database,
        "CatalogId": _ACCOUNT,
        "StorageDescriptor": {"Columns": named, "Location": f"s3://lake/{database}/t{number}"},
        "PartitionKeys": [{"Name": "dt", "Type": "date"}],
        "Parameters": {"classification": "parquet", "numRows": str(number)},
        "TableType": "EXTERNAL_TABLE",
    }


class _Catalog(BaseHTTPRequestHandler):
    databases, tables, columns = 0, 0, 0

    def do_POST(self) -> None:
        """GetDatabases and GetTables, page by page."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        begin = int(asked.get("NextToken") or 0)
        if self.headers["X-Amz-Target"].endswith("GetDatabases"):
            names = [f"db{number}" for number in range(self.databases)]
            answer: dict[str, Any] = {"DatabaseList": [{"Name": name, "CatalogId": _ACCOUNT} for name in names]}
        else:
            numbers = range(self.tables)[begin : begin + _PAGE]
            answer = {"TableList": [_table(asked["DatabaseName"], number, self.columns) for number in numbers]}
            if begin + _PAGE < self.tables:
                answer["NextToken"] = str(begin + _PAGE)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the method it replaces
        """Say nothing."""


def _main() -> None:
    _Catalog.databases, _Catalog.tables, _Catalog.columns = map(int, sys.argv[1:])
    with ThreadingHTTPServer(("127.0.0.1", 0), _Catalog) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    _main()
