"""Commands that look after the ledger and the graph: verify, erase, backup, replay, parked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import (
    asking,
    aws_options,
    csv_option,
    data_option,
    json_option,
    ledger_here,
    print_json,
    print_table,
    progress,
    safe,
    source_options,
    store_option,
)
from headwater.cli.move import keys_option, ledger_in_files, ledger_option
from headwater.client import running
from headwater.errors import HeadwaterError, Unreachable, WrongUse
from headwater.source import has_ledger, open_service, refuse_second_ledger
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.ingest.folder.erasing import Others
    from headwater.ingest.ledger.port import LedgerReader

_VERIFY = """\
\b
Example: headwater verify --anchor /safe/place/head.json
         headwater verify /backups/headwater.sqlite
         headwater verify s3://BUCKET/ledger --anchor head.json
"""


@click.command(epilog=_VERIFY)
@click.argument("backup", required=False, metavar="[BACKUP|S3]")
@click.option(
    "--anchor",
    type=click.Path(dir_okay=False, path_type=Path),
    help="file with the number and hash of the newest entry: compared if it exists, then written",
)
@json_option
@keys_option
@data_option
@aws_options
def verify(backup: str | None, data: Path, anchor: Path | None, as_json: bool, keys: str | None, **aws: Any) -> None:
    """Check by its hashes that no ledger entry was altered, removed or reordered. Exit code 1 if one was.

    BACKUP is a file that `headwater backup` wrote, or a folder with a ledger in files, S3 one at s3://BUCKET/PREFIX;
    without either the ledger of the data folder is checked.

    With an anchor, a file that you keep on another machine, it also finds that the newest entries were removed. Works
    while a server runs.
    """
    from headwater.ingest.folder.targets import drawn_from
    from headwater.ingest.ledger.ledger import now_ms
    from headwater.ingest.ledger.verify import note_check, verify_reader
    from headwater.ingest.ledger.verify import verify as check

    in_files = backup is not None and (backup.startswith("s3://") or _is_in_files(Path(backup)))
    if backup and not in_files and not Path(backup).exists():
        raise WrongUse(f"there is no {backup}")
    if not backup:
        refuse_second_ledger(data)
        data = ledger_here(data, None, "verify")
    with translated(), progress("verifying") as step:
        try:
            known = None if backup else drawn_from(data)
            if backup and in_files:
                with ledger_in_files(backup, keys, aws) as ledger:
                    report = verify_reader(ledger, anchor, progress=step)
            else:
                report = check(Path(backup) if backup else data, anchor, progress=step, known=known)
            if not backup:
                note_check(data, report, now_ms(), anchor)
        except (OSError, ValueError) as error:
            raise WrongUse(f"the anchor {anchor} cannot be used: {error}") from error
    problem = report.first_problem
    if as_json:
        found = None if problem is None else {"entry": problem.sequence, "problem": problem.sentence}
        print_json({"ok": report.ok, "entries": report.entries, "head": report.head.hash, "firstProblem": found})
    elif problem is None:
        erased = f", {report.erased:,} of them erased" if report.erased else ""
        click.echo(f"ok: {report.entries:,} entries{erased}; head {report.head.sequence} {report.head.hash}")
    else:
        click.echo(
            safe(f"entry {problem.sequence}: {problem.sentence}" if problem.sequence else problem.sentence), err=True
        )
    if problem is not None:
        sys.exit(1)


def _is_in_files(folder: Path) -> bool:
    """Whether a folder has a ledger in segments: one of `headwater ingest`, or an export."""
    from headwater.ingest.ledger.segments import IDENTITY, MANIFEST

    return any((folder / name).is_file() for name in (IDENTITY, MANIFEST))


_STILL_SHOWN = (
    "the graph may still show it: the next command or server on this folder draws it anew, and until then answers say"
    " that they are not complete"
)


@click.command(epilog="Example: headwater erase 4711 --reason 'asked for by the data subject, ticket 12'")
@click.argument("entry", type=click.IntRange(1))
@click.option("--reason", required=True, help="why; kept in the ledger")
@data_option
@store_option
def erase(entry: int, reason: str, data: Path, store: str | None) -> None:
    """Delete the payload of ledger ENTRY for ever, record that in the ledger, and rebuild the graph without it.

    Answers about datasets that it was about say that they are not complete, as long as these have the tags
    erased-write=ENTRY and erased-read=ENTRY. The last answers of watches that lie in the data folder are removed as
    well: each watch begins anew, and so does one whose answers lie in S3, at its next evaluation. Copies that were made
    before still hold the payload: backups, exports, graphs in other stores until `headwater replay --to` is run again.
    """
    data = ledger_here(data, None, "erase")
    has_ledger(data)
    _no_server(data, "erase")
    from headwater.ingest.folder.erasing import erase as erase_from
    from headwater.ingest.publishing.state import forget_erased
    from headwater.watching.state import forget

    erased: list[int] = []

    def told(said: int, others: Others) -> None:
        erased.append(said)
        click.echo(f"entry {entry} is erased; entry {said} says so")
        if others.graphs:
            click.echo(f"{others.graphs:,} other graphs in {data} were removed; they are built anew when they are used")
        if others.stores:
            click.echo(f"{others.stores:,} other stores may hold it until they are brought up to date (replay --to)")
        for path in (*others.kept, *forget_erased(data, entry)):
            click.echo(safe(f"{path} may hold it, and another process has it open: remove it afterwards"), err=True)
        watches = forget(data)
        if watches:
            click.echo(f"the last answers of {watches:,} watches were removed, since they may hold what was erased")

    with translated(), progress("rebuilding the graph") as step:
        try:
            erase_from(data, store, entry, reason, told, step)
        except BaseException:
            if erased:
                click.echo(_STILL_SHOWN, err=True)
            raise
    click.echo("the graph was drawn anew without it")


@click.command(epilog="Example: headwater backup /backups/headwater.sqlite")
@click.argument("target", type=click.Path(path_type=Path))
@ledger_option
@keys_option
@data_option
@aws_options
def backup(target: Path, data: Path, ledger: str | None, keys: str | None, **aws: Any) -> None:
    """Copy the ledger to a new file TARGET and verify the copy. Works while a server, or an ingester, runs."""
    from headwater.ingest.ledger.backup import back_up, back_up_from

    if target.exists():
        raise WrongUse(f"{target} exists already")
    if ledger is None:
        data = ledger_here(data, None, "backup")
    with translated(), progress("copying") as step:
        if ledger is None:
            report = back_up(data, target, step)
        else:
            with ledger_in_files(ledger, keys, aws) as reader:
                report = back_up_from(reader, target, step)
    if report.first_problem is not None:
        raise HeadwaterError(f"the copy does not verify: {report.first_problem.sentence}")
    click.echo(f"{report.entries:,} entries copied to {target} and verified; head {report.head.hash}")


@click.command(epilog="Example: headwater replay --to ws://graph.example.com:8182/gremlin")
@click.option(
    "--to",
    "url",
    metavar="URL",
    help="bring another store up to date instead; what it has of this ledger is not written again",
)
@click.option("--fresh", is_flag=True, help="with --to: empty that store first")
@click.option("--take-over", is_flag=True, help="with --to: write there even if another data folder does; it stops")
@click.option("--yes", is_flag=True, help="do not ask before a graph is emptied")
@json_option
@ledger_option
@keys_option
@data_option
@store_option
@aws_options
def replay(  # noqa: PLR0913 - one parameter for each option
    *,
    data: Path,
    store: str | None,
    url: str | None,
    ledger: str | None,
    keys: str | None,
    fresh: bool,
    take_over: bool,
    yes: bool,
    as_json: bool,
    **aws: Any,
) -> None:
    """Rebuild the graph from the ledger; or, with --to, bring the graph in another store up to date.

    The result equals the graph that was built while the payloads came in. Without --to no server may run. With --to
    one may, and the work goes on where the last replay, or `headwater bulk-load`, ended. A store that holds
    something else than a whole graph of this ledger is refused, unless --fresh is given.

    A ledger in S3 needs --to; what is remembered of the other store is in the data folder.
    """
    if ledger is not None:
        if url is None:
            raise WrongUse("--ledger needs --to: which store is to be brought up to date")
        with ledger_in_files(ledger, keys, aws) as reader:
            _replay_to(data, url, fresh=fresh, take_over=take_over, yes=yes, as_json=as_json, ledger=reader)
        return
    has_ledger(data)
    if url is not None:
        _replay_to(data, url, fresh=fresh, take_over=take_over, yes=yes, as_json=as_json)
        return
    from headwater.ingest.folder.service import Service
    from headwater.ingest.process.memory import PLANS, collect_rarely

    collect_rarely(PLANS)
    _no_server(data, "replay")
    _sure("empty the graph and rebuild it from the ledger?", yes=yes)
    with translated(), Service.open(data, store) as service:
        service.projector.rebuild()
        with progress("replaying") as step:
            done = service.catch_up(step)
        if as_json:
            print_json({"written": done, "applied": service.projector.checkpoint, "parked": len(service.parked())})
            return
    click.echo(f"{done:,} entries replayed")


def _replay_to(
    data: Path,
    url: str,
    *,
    fresh: bool,
    take_over: bool,
    yes: bool,
    as_json: bool,
    ledger: LedgerReader | None = None,
) -> None:
    from headwater.ingest.folder.replaying import replay_into
    from headwater.ingest.process.memory import PLANS, collect_rarely

    collect_rarely(PLANS)
    if fresh:
        _sure(f"empty {url} and rebuild the graph there?", yes=yes)
    with translated(), progress("replaying") as step:
        done = replay_into(data, url, step, fresh=fresh, take_over=take_over, ledger=ledger)
    if as_json:
        print_json(vars(done))
        return
    known = f" after {done.known:,} that were there" if done.known else ""
    parked = f"; {done.parked:,} are parked" if done.parked else ""
    click.echo(safe(f"{done.written:,} entries replayed into {url}{known}: it is at entry {done.applied:,}{parked}"))


@click.command(epilog="Example: headwater parked --retry")
@click.option(
    "--retry",
    is_flag=True,
    help="try them again, after an upgrade for example; no server may run (a running one: POST /api/v1/parked/retry)",
)
@csv_option
@json_option
@source_options
def parked(data: Path, store: str | None, server: str | None, *, as_csv: bool, as_json: bool, retry: bool) -> None:
    """List the ledger entries that could not be brought into the graph, each with its reason."""
    if retry:
        has_ledger(data)
        _no_server(data, "parked --retry")
        with open_service(data, store) as service, translated():
            done = service.projector.retry_parked()
            click.echo(f"{done:,} brought into the graph, {len(service.parked()):,} still parked")
        return
    with asking(data, store, server) as source:
        rows = source.parked()
    if as_json:
        print_json({"parked": rows})
        return
    if not rows and not as_csv:
        click.echo("nothing is parked")
        return
    shown = ((str(row["sequence"]), row["kind"], row["reason"]) for row in rows)
    print_table(("entry", "kind", "reason"), shown, as_csv=as_csv)


def _sure(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUse("there is no terminal to ask for confirmation: give --yes")
    click.confirm(question, abort=True)


def _no_server(data: Path, what: str) -> None:
    client = running(data)
    if client is not None:
        raise Unreachable(f"a server runs on {data} ({client.url}): stop it before `headwater {what}`")
