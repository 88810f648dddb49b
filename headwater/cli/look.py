"""Looking: the demo, and the doctor."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater.cli.common import console, json_option, print_json, safe, source_options
from headwater.temporary import TemporaryFolder

if TYPE_CHECKING:
    from rich.console import Console

    from headwater.client import Client
    from headwater.queries.answers.answer import Answer


@click.command(epilog="Example: headwater demo --recorded")
@click.option("--recorded", is_flag=True, help="send recorded payloads, even where Spark runs")
@click.option("--keep", is_flag=True, help="keep the data folder, and say how to ask it further questions")
def demo(*, recorded: bool, keep: bool) -> None:
    """See it work: a pipeline of seven Spark jobs reports to a real server, and what can be asked then.

    The jobs run here if Java and PySpark are installed; else their recorded payloads are sent.
    """
    from headwater.demo import server
    from headwater.demo.live import missing

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server must not outlive this
    out, why = console(), "--recorded" if recorded else missing()
    with ExitStack() as ends:
        place = Path(tempfile.mkdtemp(prefix="headwater-demo-") if keep else ends.enter_context(TemporaryFolder()))
        client = ends.enter_context(server(place))
        lake = Path(ends.enter_context(TemporaryFolder()))
        ran = _live(out, client, lake) if why is None else None
        entry, last, raw = ran or _recorded(out, client, why)
        _questions(out, client, entry, last, raw)
    if keep:
        _kept(out, place / "data", last)
    _next_steps(out)


def _kept(out: Console, data: Path, last: str) -> None:
    """Where the data are, and how to ask them."""
    headwater = _this_command()
    _title(out, "further questions to these jobs")
    out.print(f"    {headwater} upstream --data {data} '{last}' --type all", soft_wrap=True)
    out.print(f"    {headwater} changes --data {data} '{last}' --upstream", soft_wrap=True)
    out.print(f"    {headwater} serve --data {data}", soft_wrap=True)
    out.print(f"\nWhile it serves, in a browser: {_page(last)}", soft_wrap=True)
    out.print(f"\nThe data are in {data.parent}: remove that folder when you have seen enough.", soft_wrap=True)


def _live(out: Console, client: Client, lake: Path) -> tuple[int, str, str] | None:
    """The last entry, a last column and a raw one; None if the jobs did not run, which is said."""
    from headwater.demo.live import LAST, RAW, NotRun, run

    _title(out, "seven Spark jobs run here and report to a server on this machine")
    try:
        entry = run(client, lake, lambda job: out.print(f"  {job}"))
    except NotRun as error:
        out.print(safe(f"Spark did not run the jobs ({error}): recorded payloads are sent instead"), soft_wrap=True)
        return None
    return entry, f"file://{lake}/{LAST}", f"file://{lake}/{RAW}"


def _recorded(out: Console, client: Client, why: str | None) -> tuple[int, str, str]:
    """As `_live`, from recorded payloads."""
    from headwater.demo import LAST, RAW, Recorded, send

    _title(out, "what seven Spark jobs reported, sent to a server on this machine")
    if why is not None:
        out.print(f"recorded payloads, not live Spark: {why}\n")
    jobs: dict[str, int] = {}

    def sent(request: Recorded) -> None:
        jobs[request.job] = jobs.get(request.job, 0) + (request.kind == "plan")

    entry = send(client, sent)
    for job, plans in jobs.items():
        out.print(f"  {job:<24}{plans} {'plan' if plans == 1 else 'plans'}")
    return entry, LAST, RAW


def _questions(out: Console, client: Client, entry: int, last: str, raw: str) -> None:
    _title(out, f"where does {last.rpartition('/')[2]} come from?")
    direct = _asked(client, "upstream", last, entry)
    _print(out, direct)
    everything = _asked(client, "upstream", last, entry, "all")
    _title(out, "and with what filters, joins and groups the rows: --type all")
    out.print(f"  values alone: {_size(direct)}")
    out.print(f"  all:          {_size(everything)}")
    _title(out, f"what breaks if {raw.rpartition('/')[2]} changes?")
    _print(out, _asked(client, "downstream", raw, entry))


def _title(out: Console, title: str) -> None:
    out.print()
    out.print(title, style="bold")
    out.print()


def _asked(client: Client, name: str, node: str, entry: int, type_: str = "direct") -> Answer:
    from headwater.queries.answers.answer import Answer

    parameters = [("node", node), ("type", type_), ("after", entry)]
    return Answer.from_dict(client.get(f"/api/v1/queries/{name}", parameters))


def _print(out: Console, answer: Answer) -> None:
    from headwater.queries.drawing import render

    out.print(render.tree(answer))
    out.print(render.summary(answer))


def _size(answer: Answer) -> str:
    from headwater.queries.drawing.render import summary

    return summary(answer)


def _page(node: str) -> str:
    """The address of the page that shows a node, of a server on the usual port."""
    from headwater.settings import PORT
    from headwater.web import link

    return link(f"http://127.0.0.1:{PORT}", node)


def _next_steps(out: Console) -> None:
    from headwater.demo import LAST
    from headwater.spline_bridge.glue.attach import parameters

    _title(out, "your own jobs")
    headwater = _this_command()
    out.print(f"A server with these seven jobs, to ask further questions:\n\n    {headwater} serve --example\n")
    out.print(f"While it serves, see where a column comes from in a browser:\n\n    {_page(LAST)}\n", soft_wrap=True)
    out.print(f"Keep a server of your own running:\n\n    {headwater} serve\n", soft_wrap=True)
    out.print("In a PySpark script, after its session is made (docs/spark.md):\n")
    out.print('    import headwater.spark\n    headwater.spark.capture(spark, "http://127.0.0.1:9090")\n')
    out.print("Or point a Glue job at it with these job parameters (Glue takes one --conf: chain them in its value):\n")
    for key, value in parameters("5.0", "http://HOST:9090", "s3://BUCKET/jars"):
        out.print(f"    {key:<20}{value}", soft_wrap=True)
    out.print()


def _this_command() -> str:
    """What this command is called from here: the environment that it is in need not be on the search path."""
    called = Path(sys.argv[0])
    if shutil.which("headwater") or called.name != "headwater":
        return "headwater"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


@click.command(epilog="Example: headwater doctor --json")
@json_option
@source_options
def doctor(data: Path, store: str | None, server: str | None, as_json: bool) -> None:
    """Check this installation and its data, and say what to do about what is wrong. Exit code 1 on a finding."""
    from headwater.checkup import examine

    findings = examine(data, store, server)
    if as_json:
        print_json({"checks": [finding.to_dict() for finding in findings]})
    else:
        styles = {"ok": "green", "warn": "yellow", "fail": "red"}
        out = console()
        for finding in findings:
            out.print(f"{finding.state:<5}", style=styles[finding.state], end="")
            out.print(safe(f"{finding.name:<12}{finding.message}"), soft_wrap=True)
    if any(finding.state != "ok" for finding in findings):
        sys.exit(1)
