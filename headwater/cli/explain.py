"""Why an edge is there, why names are one: headwater explain."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import completion
from headwater.cli.common import (
    asking,
    csv_option,
    json_option,
    print_json,
    print_rows,
    safe,
    say_what_lacks,
    source_options,
)

if TYPE_CHECKING:
    from headwater.source import Source

_ALL = 10_000


@click.command(
    epilog="\b\nExample: headwater explain /data/lake/pipe/mart/customer_orders#amount_eur\n"
    "         headwater query find-runs id=local-1795384968617"
)
@click.argument("node", shell_complete=completion.nodes)
@click.argument("source", required=False, shell_complete=completion.nodes)
@csv_option
@json_option
@source_options
def explain(node: str, source: str | None, *, as_csv: bool, as_json: bool, **where: Any) -> None:
    """Why does NODE come from SOURCE? Without SOURCE: from all that it is made of, and why its names are one.

    The rule, the expression, the job, the plan with its ledger entry, and how often it ran, first and last.
    """
    from dataclasses import replace

    from headwater.queries.answers.answer import Table

    with asking(**where) as asked:
        given: list[tuple[str, object]] = [("node", node), ("source", source), ("limit", _ALL)]
        answer = asked.ask("explain", [(name, value) for name, value in given if value is not None])
        assert isinstance(answer, Table), "this query answers with rows"
        rows = [{**row, "entry": entry} for row, entry in zip(answer.rows, _entries(asked, answer.rows), strict=True)]
    if as_json:
        asked_for = {"node": answer.parameters["node"], "source": answer.parameters["source"]}
        print_json({**asked_for, "rows": rows, "complete": answer.complete, "reason": answer.reason})
        return
    if as_csv:
        print_rows(replace(answer, columns=(*answer.columns, "entry"), rows=tuple(rows)), "csv")
    else:
        for row in rows:
            for line in _name(row) if row["what"] == "name" else _edge(row):
                click.echo(safe(line))
        if not rows:
            click.echo(safe(_nothing(node, source, answer.parameters)))
    say_what_lacks(answer)


def _nothing(node: str, source: str | None, found: Mapping[str, Any]) -> str:
    if source is None:
        return "nothing is known of what it is made of"
    way = f"headwater paths {shlex.quote(source)} {shlex.quote(node)}"
    return f"{found['node']} is not made of {found['source']} in one step; the steps between them: {way}"


def _entries(asked: Source, rows: tuple[Mapping[str, Any], ...]) -> Iterator[int | None]:
    """The ledger entry of the plan of each row, as far as this source knows it."""
    known: dict[str, int | None] = {}
    for row in rows:
        plan = row["plan"]
        if plan and plan not in known:
            known[plan] = asked.entry(plan)
        yield known.get(plan) if plan else None


def _name(row: Mapping[str, Any]) -> Iterator[str]:
    yield f"{row['source']}  is another name of  {row['target']}"
    yield f"  {row['rule']}"


def _edge(row: Mapping[str, Any]) -> Iterator[str]:
    from headwater.queries.drawing.rows import time

    kind = f"{row['type']} {row['subtype']}" if row["subtype"] else row["type"]
    yield f"{row['target']}  <-  {row['source']}"
    yield f"  {kind}: {row['rule']}"
    entry = f", ledger entry {row['entry']}" if row["entry"] else ""
    times = {name: time(row[name]) if row[name] is not None else "" for name in ("firstRun", "lastRun")}
    told = {
        "expression": row["expression"],
        "job": row["job"],
        "plan": f"{row['plan']}{entry}",
        "holds": row["holds"],
        "runs": f"{row['runs']:,}, first {times['firstRun']}, last {times['lastRun']}" if row["runs"] else None,
        "agent's id": ", ".join(row["agentPlanIds"] or ()),
    }
    yield from (f"  {name:<11} {value}" for name, value in told.items() if value)
