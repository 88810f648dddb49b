"""Amazon SageMaker: its jobs, models and endpoints as runs in the graph."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import asking, aws_options, json_option, print_json, progress, safe, source_options
from headwater.errors import HeadwaterError
from headwater.temporary import TemporaryFolder
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.aws_bridge.sagemaker import Reading
    from headwater.source import Source

_EPILOG = """\
\b
Example: headwater sagemaker import --region eu-west-1
         headwater sagemaker import --region eu-west-1 --name 'churn-*' --since 2026-11-01
         headwater audit endpoint/churn-prod

docs/sagemaker.md has the policy that the credentials need. Exit codes: 0 done; 1 some calls were not allowed (they are
named), or an answer was refused; 3 AWS cannot be reached: what came until then is kept, the next import goes on.
"""


@click.group(epilog="Example: headwater sagemaker import --region eu-west-1")
def sagemaker() -> None:
    """Bring Amazon SageMaker's jobs, models and endpoints into the graph, down to the Spark jobs behind them."""


@sagemaker.command("import", epilog=_EPILOG)
@click.option("--name", "pattern", metavar="PATTERN", help="only what has such a name: churn, churn-*, *-prod")
@click.option("--since", metavar="TIME", help="only what was created since then (2026-11-01, 2026-11-01T08:00Z)")
@click.option("--manifests", "with_manifests", is_flag=True, help="also the files that manifests list (s3:GetObject)")
@json_option
@source_options
@aws_options
def import_(  # noqa: PLR0913 - options of the command line
    pattern: str | None,
    since: str | None,
    *,
    with_manifests: bool,
    as_json: bool,
    data: Path,
    store: str | None,
    server: str | None,
    region: str | None,
    profile: str | None,
    endpoint: str | None,
) -> None:
    """Read SageMaker's jobs, model packages, models, endpoints and lineage entities, and keep them as events.

    Training, processing and transform jobs become runs that read and write S3; a package, a model and an endpoint
    become datasets, named by their ARN. They enter the ledger as OpenLineage events. What it has already is not kept
    again: repeat the import as often as you like. Only List and Describe calls are made.
    """
    from headwater.aws_bridge.manifests import Manifests
    from headwater.aws_bridge.sagemaker import SageMaker

    begin = _time(since)
    failed: HeadwaterError | None = None
    ended: list[dict[str, Any]] = []
    with translated():
        manifests = Manifests(region, profile) if with_manifests else None
        aws = SageMaker(region, profile, endpoint, manifests)
    with TemporaryFolder() as folder, asking(data, store, server, create=True) as source:
        path = Path(folder) / "sagemaker.ndjson"
        with path.open("w", encoding="utf-8") as file, progress("reading SageMaker") as step:
            try:
                with translated():
                    for event in aws.events(pattern, begin, step):
                        file.write(json.dumps(event, ensure_ascii=False) + "\n")
                        ended += [event] if event["eventType"] == "COMPLETE" else []
            except HeadwaterError as error:
                failed = error  # what came until then is kept: the next import need not read it into the ledger again
        with progress("loading") as step:
            loaded = source.load([path], step) if path.stat().st_size else None
        # A snapshot takes back what it does not list: only an import of all that there is makes one.
        if pattern is None and begin is None and failed is None and not aws.read.denied:
            _keep_facts(source, ended)
        with progress("bringing the graph up to date") as step:
            source.settle(step)
    events, known = (loaded.events, loaded.known) if loaded else (0, 0)
    refused = loaded.refused if loaded else []
    unread = manifests.unread if manifests else {}
    if as_json:
        told = {"manifests": manifests.read, "unreadManifests": unread} if manifests else {}
        print_json(_report(aws.read, events, known) | {"refused": refused} | told)
    else:
        _print(aws.read, events, known)
        if manifests is not None:
            click.echo(f"{manifests.read:,} manifests were read")
        for uri, why in unread.items():
            click.echo(safe(f"not read: {uri}: {why}"), err=True)
        for one in refused:
            click.echo(safe(f"refused: {one['reason']}"), err=True)
    if failed is not None:
        raise failed
    if aws.read.denied or refused or unread:
        raise click.exceptions.Exit(1)


def _keep_facts(source: Source, ended: list[dict[str, Any]]) -> None:
    """Status, approval, images and hyperparameters as facts of datasets, where they are others than last time."""
    from headwater.openlineage_bridge.sagemaker import facts

    known = source.snapshots(_SOURCE)
    for scope, statements in facts(ended).items():
        digest = sha256(json.dumps(statements, sort_keys=True).encode()).hexdigest()
        if known.get(scope) != digest:
            source.keep_snapshot({"source": _SOURCE, "scope": scope, "digest": digest, "statements": statements})


_SOURCE = "sagemaker"


def _time(text: str | None) -> datetime | None:
    from headwater.errors import WrongUse
    from headwater.queries.tracing.as_of import milliseconds

    if text is None:
        return None
    with translated():
        at = milliseconds(text, "--since")
    if at is None:
        raise WrongUse(f"--since must be a time (2026-11-01, 2026-11-01T08:00Z), not {text[:100]!r}")
    return datetime.fromtimestamp(at / 1_000, timezone.utc)


def _report(read: Reading, events: int, known: int) -> dict[str, Any]:
    return {
        "found": dict(read.found),
        "events": events,
        "known": known,
        "calls": dict(read.calls),
        "repeated": read.repeated,
        "denied": read.denied,
        "unavailable": read.unavailable,
        "gone": read.gone,
    }


def _print(read: Reading, events: int, known: int) -> None:
    found = ", ".join(f"{title} {count:,}" for title, count in read.found.items() if count) or "nothing"
    click.echo(f"SageMaker has: {found}")
    click.echo(f"{events:,} events are new, {known:,} were known already")
    calls = f"{sum(read.calls.values()):,} calls"
    click.echo(f"{calls}, {read.repeated:,} of them repeated after AWS said to slow down" if read.repeated else calls)
    if read.gone:
        click.echo(f"{read.gone:,} were deleted while this ran")
    if read.unavailable:
        click.echo(f"this region does not have {', '.join(read.unavailable)}", err=True)
    for operation, action in read.denied.items():
        click.echo(f"{operation} was not allowed and is left out: allow the action {action}", err=True)
