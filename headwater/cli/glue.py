"""Glue jobs: attach an agent, take it off, look, and find out why lineage is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headwater.cli.common import aws_options, csv_option, json_option, print_json, print_table, safe
from headwater.errors import WrongUse
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.aws_bridge.glue import Glue

Command = TypeVar("Command", bound=Callable[..., Any])

#: What a script needs with the agent in Python, where the bundle does not start it.
_LINES = ("import headwater.spark", "headwater.spark.capture(spark)")


@click.group(epilog="Example: headwater glue attach nightly --url http://10.0.0.5:9090 --jars s3://BUCKET/jars")
def glue() -> None:
    """Attach an agent to AWS Glue jobs, take it off again, find out why lineage is missing."""


def _yes_option(function: Command) -> Command:
    """``--yes``."""
    return click.option("--yes", is_flag=True, help="apply without asking")(function)


@contextmanager
def _connected(region: str | None, profile: str | None, endpoint: str | None) -> Iterator[Glue]:
    """The jobs; errors of AWS and of the rules are a user's."""
    from headwater.aws_bridge.glue import Glue

    with translated():
        yield Glue(region, profile, endpoint)


@glue.command(epilog="Example: headwater glue attach nightly --url http://10.0.0.5:9090 --jars s3://BUCKET/jars")
@click.argument("job")
@click.option(
    "--url",
    required=True,
    metavar="URL",
    help="where the job reaches the server: http://HOST:9090, or https:// of a proxy before it; with --agent python"
    " also an inbox, s3://BUCKET/inbox",
)
@click.option("--agent", type=click.Choice(["jar", "python"]), default="jar", show_default=True, help="which agent")
@click.option("--jars", metavar="S3", help="s3:// prefix that holds the agent's bundle and snakeyaml (--agent jar)")
@click.option("--bundle", metavar="S3", help="s3:// path of `headwater spark-bundle`'s zip (--agent python)")
@click.option("--token-file", type=click.File(), help="file that holds the job's token, - for standard input")
@_yes_option
@json_option
@aws_options
def attach(job: str, *, yes: bool, as_json: bool, **options: Any) -> None:
    """Let a Glue job report its lineage. Shows what changes in its default arguments, then asks."""
    from headwater.spline_bridge.glue import attach as rules

    token = options["token_file"].read().strip() if options["token_file"] else ""
    agent = options["agent"]
    place = (options["jars"] if agent == "jar" else options["bundle"]) or ""
    with translated():
        rules.check(agent, options["url"], place, token)  # before the account is asked: it may not be reachable
    with _connected(options["region"], options["profile"], options["endpoint"]) as jobs:

        def attached(found: Mapping[str, Any]) -> dict[str, str]:
            wanted = rules.agent_for(found, agent, options["url"], place, token)
            after = rules.attach(found.get("DefaultArguments", {}), wanted)
            listed = [item for name in (rules.JARS, rules.PY_FILES) for item in rules.items(name, after.get(name, ""))]
            missing = jobs.missing(file for file in rules.files(wanted) if file in listed)
            if missing:
                raise WrongUse(f"{missing[0]} is not there: upload it first, Glue loads the agent from S3")
            return after

        lines = _LINES if agent == "python" else ()
        _change(jobs, job, attached, yes=yes, as_json=as_json, script=lines)


@glue.command(epilog="Example: headwater glue detach nightly")
@click.argument("job")
@_yes_option
@json_option
@aws_options
def detach(job: str, *, yes: bool, as_json: bool, **options: Any) -> None:
    """Take the agent off a Glue job: its default arguments are again what they were."""
    from headwater.spline_bridge.glue import attach as rules

    with _connected(**options) as jobs:
        restored = lambda found: rules.detach(found.get("DefaultArguments", {}))  # noqa: E731 - beside the call
        _change(jobs, job, restored, yes=yes, as_json=as_json)


def _change(
    jobs: Glue,
    name: str,
    rule: Callable[[Mapping[str, Any]], dict[str, str]],
    *,
    yes: bool,
    as_json: bool,
    script: tuple[str, ...] = (),
) -> None:
    """Show the difference, ask, apply."""
    from headwater.spline_bridge.glue.masking import changes

    job = jobs.job(name)
    arguments = rule(job)
    found = changes(job.get("DefaultArguments", {}), arguments)
    if not as_json:
        for change in found:
            click.echo(safe(f"{change.sign} {change.argument}  {change.text}"))
    applied = bool(found) and (yes or _agreed(as_json=as_json))
    if applied:
        if jobs.job(name) != job:
            raise WrongUse(f"{name} was changed by somebody else meanwhile: nothing was changed, run this again")
        jobs.replace(job, arguments)
    if as_json:
        rows = [change.to_dict() for change in found]
        print_json({"job": name, "changes": rows, "applied": applied, "script": list(script)})
    else:
        _tell(name, script, applied=applied, same=not found)
    if found and not applied:
        sys.exit(1)


def _agreed(*, as_json: bool) -> bool:
    return not as_json and sys.stdin.isatty() and click.confirm("apply?")


def _tell(name: str, script: tuple[str, ...], *, applied: bool, same: bool) -> None:
    if same:
        click.echo(safe(f"{name}: nothing to change"))
    elif applied:
        click.echo(safe(f"{name}: done; it holds from the next run on"))
    else:
        click.echo(safe(f"{name}: nothing was changed; --yes applies it without asking"), err=True)
    if script:
        click.echo("if the job's log has no line `headwater: writes are reported to ...`, add to the script:")
        click.echo("\n".join(f"    {line}" for line in script))


@glue.command(epilog="Example: headwater glue status --json")
@click.argument("job", required=False)
@csv_option
@json_option
@aws_options
def status(job: str | None, *, as_csv: bool, as_json: bool, **options: Any) -> None:
    """Which jobs report their lineage, and where to."""
    from headwater.spline_bridge.glue.status import job_status

    with _connected(**options) as jobs:
        states = [job_status(found) for found in ([jobs.job(job)] if job else jobs.jobs())]
    if as_json:
        print_json({"jobs": [found.to_dict() for found in states]})
        return
    if as_csv:
        print_table(("agent", "job", "detail"), ((one.agent, one.name, one.detail) for one in states), as_csv=True)
        return
    for found in states:
        click.echo(safe(f"{found.agent:<10}{found.name}  {found.detail}".rstrip()))


@glue.command(epilog="Example: headwater glue doctor nightly")
@click.argument("job")
@json_option
@aws_options
def doctor(job: str, *, as_json: bool, **options: Any) -> None:
    """Why a job's lineage is missing, and what to do about it. Exit code 1 on a finding."""
    from headwater.spline_bridge.glue.findings import examine

    with _connected(**options) as jobs:
        findings = examine(jobs.observe(job))
    if as_json:
        print_json({"job": job, "findings": [found.to_dict() for found in findings]})
    for found in () if as_json else findings:
        click.echo(safe(f"{found.name}: {found.problem}\n    fix: {found.fix}"))
    if findings:
        sys.exit(1)
    if not as_json:
        click.echo(safe(f"{job}: nothing speaks against its lineage"))
