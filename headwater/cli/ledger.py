"""The commands `headwater ledger`: the ledger in portable files, written and checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from headwater.cli.common import aws_options, data_option, json_option, print_json, progress, safe
from headwater.cli.move import placed
from headwater.source import has_ledger
from headwater.translation import translated

_MB = 2**20


@click.group(epilog="Example: headwater ledger export s3://BUCKET/ledger")
def ledger() -> None:
    """The ledger in portable files: for a job that reads it on many machines, or for keeping."""


@ledger.command(epilog="Example: headwater ledger export s3://BUCKET/ledger --region eu-west-1")
@click.argument("target", metavar="DIR|S3")
@click.option(
    "--split", type=click.IntRange(1), default=64, show_default=True, metavar="MB", help="text in a segment, unpacked"
)
@json_option
@data_option
@aws_options
def export(target: str, *, split: int, as_json: bool, data: Path, **aws: Any) -> None:
    """Write all entries to DIR or s3://BUCKET/PREFIX, which must be empty. Works beside a running server.

    In segments of NDJSON, packed, with a manifest of their hashes; `headwater ledger check` reads them back.
    """
    from headwater.ingest.folder.naming_file import rules_to_export
    from headwater.ingest.ledger.export import export_ledger
    from headwater.ingest.ledger.ledger import open_reader

    has_ledger(data)
    with placed(target, **aws) as storage, translated(), open_reader(data) as entries, progress("exporting") as step:
        manifest = export_ledger(entries, storage, step, split=split * _MB, beside=rules_to_export(data))
    if as_json:
        named = {"ledger": manifest.ledger, "entries": manifest.entries, "head": manifest.head}
        print_json({**named, "segments": len(manifest.segments), "bytes": sum(s.bytes for s in manifest.segments)})
        return
    written = f"{manifest.entries:,} entries in {len(manifest.segments):,} segments"
    click.echo(safe(f"{written} in {target}; head {manifest.entries} {manifest.head}"))


@ledger.command(epilog="Example: headwater ledger check s3://BUCKET/ledger")
@click.argument("source", metavar="DIR|S3")
@json_option
@aws_options
def check(source: str, *, as_json: bool, **aws: Any) -> None:
    """Read an exported ledger and check every hash: nothing altered, dropped or reordered. Exit code 1 if not."""
    from headwater.ingest.ledger.entries import LedgerDamaged
    from headwater.ingest.ledger.export import check_export

    with placed(source, **aws) as storage, translated(), progress("checking") as step:
        try:
            report = check_export(storage, step)
        except LedgerDamaged as error:
            _exit_as_damaged(error, as_json=as_json)
    if as_json:
        print_json({"ok": True, "entries": report.entries, "erased": report.erased, "head": report.head.hash})
    else:
        erased = f", {report.erased:,} of them erased" if report.erased else ""
        click.echo(f"ok: {report.entries:,} entries{erased}; head {report.entries} {report.head.hash}")


def _exit_as_damaged(error: Exception, *, as_json: bool) -> NoReturn:
    """Print what is wrong with an export, and exit with code 1."""
    if as_json:
        print_json({"ok": False, "problem": str(error)})
    else:
        click.echo(safe(str(error)), err=True)
    sys.exit(1)
