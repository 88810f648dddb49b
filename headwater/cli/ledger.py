"""The commands `headwater ledger`: the ledger in portable files, written and checked."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import click

from headwater.cli.common import aws_options, data_option, json_option, print_json, progress, safe
from headwater.cli.move import keys_option, ledger_in_files, ledger_option, placed, placed_keys
from headwater.source import has_ledger
from headwater.temporary import TemporaryFolder
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
@ledger_option
@keys_option
@data_option
@aws_options
def export(
    target: str, *, split: int, as_json: bool, ledger: str | None, keys: str | None, data: Path, **aws: Any
) -> None:
    """Write all entries to DIR or s3://BUCKET/PREFIX, which must be empty. Works beside a running server.

    In segments of NDJSON, packed, with a manifest of their hashes; `headwater ledger check` reads them back, and
    `headwater ingest` can go on from there. With --ledger a ledger in S3 is copied; bodies that are encrypted there
    are not encrypted in the copy.
    """
    from headwater.ingest.folder.naming_file import rules_to_export
    from headwater.ingest.ledger.export import export_ledger
    from headwater.ingest.ledger.ledger import open_reader

    with ExitStack() as ends:
        if ledger is None:
            has_ledger(data)
        storage = ends.enter_context(placed(target, **aws))
        ends.enter_context(translated())
        entries = ends.enter_context(open_reader(data) if ledger is None else ledger_in_files(ledger, keys, aws))
        step = ends.enter_context(progress("exporting"))
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
@keys_option
@aws_options
def check(source: str, *, as_json: bool, keys: str | None, **aws: Any) -> None:
    """Read an exported ledger and check every hash: nothing altered, dropped or reordered. Exit code 1 if not."""
    from headwater.ingest.ledger.entries import LedgerDamaged
    from headwater.ingest.ledger.export import check_export

    with ExitStack() as ends:
        storage = ends.enter_context(placed(source, **aws))
        kept = ends.enter_context(placed_keys(keys, aws))
        ends.enter_context(translated())
        step = ends.enter_context(progress("checking"))
        try:
            report = check_export(storage, step, kept)
        except LedgerDamaged as error:
            _exit_as_damaged(error, as_json=as_json)
    if as_json:
        print_json({"ok": True, "entries": report.entries, "erased": report.erased, "head": report.head.hash})
    else:
        erased = f", {report.erased:,} of them erased" if report.erased else ""
        click.echo(f"ok: {report.entries:,} entries{erased}; head {report.entries} {report.head.hash}")


@ledger.command(epilog="Example: headwater ledger erase s3://BUCKET/ledger 4711 --reason 'ticket 12'")
@click.argument("source", metavar="S3")
@click.argument("entry", type=click.IntRange(1))
@click.option("--reason", required=True, help="why; kept in the ledger")
@click.option("--bypass-governance", is_flag=True, help="also what Object Lock keeps in governance mode")
@keys_option
@aws_options
def erase(source: str, entry: int, *, reason: str, bypass_governance: bool, keys: str | None, **aws: Any) -> None:
    """Delete the payload of ENTRY from a ledger in S3 for ever, and record that in it.

    An ingester that runs on it stops when it next writes, and its graph is drawn anew without the payload when it is
    started again. A payload that is encrypted is erased by deleting its key, also where Object Lock keeps it; any other
    that Object Lock keeps is not erased before its end, and nothing is changed then.
    """
    from headwater.ingest.ledger.ledger import now_ms
    from headwater.ingest.ledger.segment_ledger import SegmentLedger
    from headwater.ingest.places.user import user_name

    with ExitStack() as ends:
        storage = ends.enter_context(placed(source, **aws))
        kept = ends.enter_context(placed_keys(keys, aws))
        work = ends.enter_context(TemporaryFolder())
        ends.enter_context(translated())
        opened = ends.enter_context(SegmentLedger.open(storage, Path(work), now_ms, kept))
        said = opened.erase(entry, reason, sender=user_name(), bypass=bypass_governance)
    click.echo(f"entry {entry} is erased; entry {said} says so")


def _exit_as_damaged(error: Exception, *, as_json: bool) -> NoReturn:
    """Print what is wrong with an export, and exit with code 1."""
    if as_json:
        print_json({"ok": False, "problem": str(error)})
    else:
        click.echo(safe(str(error)), err=True)
    sys.exit(1)
