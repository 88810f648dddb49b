"""A file that proves an answer to somebody who trusts neither the server nor us."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import completion
from headwater.cli.common import (
    as_of,
    as_of_options,
    asking,
    json_option,
    ledger_here,
    print_json,
    progress,
    source_options,
)
from headwater.errors import WrongUse
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.source import Source

_EPILOG = """\
\b
Example: headwater evidence endpoint/churn-prod --anchor /elsewhere/anchor.json -o audit.zip
         headwater evidence /data/lake/pipe/out/churn_by_country#avg_score --anchor /elsewhere/anchor.json -o score.zip
         headwater evidence 5ebf4321 --depth 3 --key private.pem -o training.zip

The data folder's ledger is read; a server may run on it. Whoever gets the file checks it with the program inside:
unzip -p score.zip check.py > check.py; python3 check.py score.zip
"""


@click.command(epilog=_EPILOG)
@click.argument("node", shell_complete=completion.nodes)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="the file to write")
@click.option("--direction", type=click.Choice(["upstream", "downstream", "both"]), default="upstream")
@click.option("--type", "type_", type=click.Choice(["direct", "all"]), default="all", help="all: also filters, keys")
@click.option("--depth", type=click.IntRange(0), help="hops to follow, or runs to go back; without it all, or 1")
@as_of_options
@click.option(
    "--anchor",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="the ledger's end as `headwater verify --anchor` recorded it; it is compared, and put into the file",
)
@click.option(
    "--signature",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a signature of the anchor, made with a key of yours: put into the file as anchor.sig",
)
@click.option(
    "--timestamp",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="a time stamp of the anchor (RFC 3161 response): put into the file as anchor.tsr",
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="your private key (RSA, PEM): signs the whole file, so that no entry can be taken out and no answer exchanged",
)
@json_option
@source_options
def evidence(
    node: str,
    out: Path,
    anchor: Path | None,
    signature: Path | None,
    timestamp: Path | None,
    key: Path | None,
    **options: Any,
) -> None:
    """Write an answer with its ledger entries, and the proof that they stand unchanged, as one file that others check.

    NODE is a dataset or column: its lineage is proven; a run, a Glue job run (jr_...) or a Spark application: what it
    read; or an endpoint, model, package or job of SageMaker, as `headwater audit` takes it: the audit, with its report.
    """
    from headwater.evidence.writing import Given, Question, write

    beside = {"anchor.sig": signature, "anchor.tsr": timestamp}
    given = {name: path for name, path in beside.items() if path is not None}
    if given and anchor is None:
        raise WrongUse("a signature or time stamp is one of an anchor: name the --anchor too")
    as_json, time = options.pop("as_json"), as_of(options)
    data = ledger_here(options["data"], options["server"], "evidence")
    asked = {name: options.pop(name) for name in ("direction", "type_", "depth")}
    with asking(**options) as source, translated(), progress("writing the proof") as step:
        if _is_resource(source, node):
            if any(asked[name] is not None for name in ("depth",)) or asked["direction"] != "upstream":
                raise WrongUse("an audit goes all the way back: it has no --depth and no --direction")
            question = Question("audit", _given({"node": node, "asOf": time}))
        elif _is_run(source, node):
            if time is not None:
                raise WrongUse("--as-of and --run are for a dataset or column; what a run read does not change")
            question = Question("inputs", _given({"node": node, "depth": asked["depth"]}))
        else:
            lineage = {"node": node, "direction": asked["direction"], "type": asked["type_"], "depth": asked["depth"]}
            question = Question("lineage", _given({**lineage, "asOf": time}))
        written = write(source, data, question, out, Given(anchor, given, key), step)
    if as_json:
        print_json({"file": str(out), **vars(written), "head": vars(written.head)})
        return
    head = f"head {written.head.sequence} {written.head.hash}"
    click.echo(f"{out}: the answer rests on {written.entries:,} ledger entries; {head}")
    if anchor is None:
        click.echo("there is no --anchor in it: whoever checks it needs this head from you by another way", err=True)
    if key is None:
        click.echo(
            f"it is not signed (--key): tell who checks it the SHA-256 of its manifest, {written.manifest}", err=True
        )


def _given(values: dict[str, object]) -> tuple[tuple[str, object], ...]:
    return tuple((name, value) for name, value in values.items() if value is not None)


def _is_resource(source: Source, node: str) -> bool:
    """Whether it names an endpoint, model, package or job of SageMaker."""
    from headwater.queries.answers.audit import Audit

    if "#" in node:
        return False
    try:
        found = source.ask("audit", [("node", node)])
    except WrongUse:
        return False
    return isinstance(found, Audit) and found.kind not in {"dataset", "run"}


def _is_run(source: Source, node: str) -> bool:
    """Whether it names a run, or the runs of a Glue job run or Spark application."""
    try:
        return "#" not in node and bool(source.ask("find-runs", [("id", node)]).to_dict()["rows"])
    except WrongUse:
        return False
