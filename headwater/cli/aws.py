"""The commands aws deploy, status, check, destroy, cost: Headwater in an AWS account, by the templates of infra/."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import aws_options, csv_option, json_option, print_json, print_table, safe
from headwater.errors import HeadwaterError, Unreachable, WrongUse
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.aws_bridge.stacks import Change, Event, Stack, Template

_SIZES = click.Choice(["one", "team"])
_name_option = click.option(
    "--name", default="headwater", show_default=True, metavar="NAME", help="the stack's name in CloudFormation"
)


@click.group(epilog="Example: headwater aws deploy one -p VpcId=vpc-1 -p SubnetId=subnet-1 ...")
def aws() -> None:
    """Headwater in an AWS account: deploy it, look at it, check it, take it away, see what it costs."""


@aws.command(epilog="Example: headwater aws deploy one -p VpcId=vpc-1 -p SubnetId=subnet-1 -p AllowedCidr=10.0.0.0/16")
@click.argument("size", type=_SIZES)
@_name_option
@click.option(
    "--parameter", "-p", "given", multiple=True, metavar="KEY=VALUE", help="a parameter of the template; several times"
)
@click.option(
    "--template",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="the template (default: infra/SIZE.yaml of the clone that you are in)",
)
@click.option("--yes", is_flag=True, help="apply without asking")
@json_option
@aws_options
def deploy(
    size: str, name: str, given: tuple[str, ...], template: Path | None, *, yes: bool, as_json: bool, **where: Any
) -> None:
    """Make or change a stack: shows what would change, asks, then says how far it is.

    SIZE is one (one instance, about 17 US$ a month) or team. A parameter that is not given keeps the value that it has
    in the stack. Run it again at any time: an interrupted deployment is followed to its end, and where nothing
    changed, nothing is done. Without --yes and without a terminal nothing is applied (exit code 1).
    """
    text = _template(size, template)
    parameters = _parameters(text, given)
    with translated():
        stack = _stack(name, where)
        told = _say_nothing if as_json else _tell
        _check_start(stack, text, parameters, told)
        change_set, changes = stack.propose(text, parameters)
        if not as_json:
            _show(changes)
        applied = bool(changes) and (yes or (not as_json and sys.stdin.isatty() and _wanted()))
        if applied:
            stack.apply(change_set, told)
        elif changes:
            stack.discard(change_set)
        outputs = stack.outputs()
    if as_json:
        rows = [vars(each) for each in changes]
        print_json({"stack": name, "changes": rows, "applied": applied, "outputs": outputs})
    elif changes and not applied:
        click.echo("nothing was changed; --yes applies it without asking", err=True)
    else:
        click.echo(safe(f"{name}: {'done' if applied else 'nothing to change'}"))
        _show_outputs(name, outputs, where)
    if changes and not applied:
        sys.exit(1)


def _wanted() -> bool:
    """Whether the change set is to be applied; Ctrl-C is a no, so that nothing is left behind."""
    try:
        return click.confirm("apply?")
    except click.Abort:
        click.echo(err=True)
        return False


def _check_start(
    stack: Stack, template: Template, parameters: Mapping[str, str], told: Callable[[Event], None]
) -> None:
    """Follow what is under way to its end. WrongUse: the stack cannot be changed, or parameters are missing."""
    found = stack.describe()
    if found is not None and found["StackStatus"].endswith("_IN_PROGRESS"):
        click.echo(safe(f"{stack.name} is being changed already: following it"), err=True)
        stack.follow(told)
        found = stack.describe()
    if found is not None and found["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        again = f"headwater aws destroy --name {stack.name}"
        raise WrongUse(f"{stack.name} could not be made the last time: {again}, then deploy it again")
    missing = [each for each in template.parameters if each.default is None and each.name not in parameters]
    if found is None and missing:
        for each in missing:
            click.echo(safe(f"{each.name}: {each.description}"), err=True)
        raise WrongUse("parameters are missing: " + " ".join(f"-p {each.name}=..." for each in missing))


@aws.command(epilog="Example: headwater aws status --region eu-west-1")
@_name_option
@json_option
@aws_options
def status(name: str, *, as_json: bool, **where: Any) -> None:
    """How a stack is, what it gives, and whether its server answers from here. Exit code 1 if the stack is not well."""
    with translated():
        stack = _stack(name, where)
        found = _existing(stack)
        outputs = stack.outputs()
    its_status = found["StackStatus"]
    url = outputs.get("Url")
    server = _server_says(url) if url else None
    if as_json:
        print_json({"stack": name, "status": its_status, "outputs": outputs, "server": server})
    else:
        click.echo(safe(f"{name}: {its_status}"))
        _show_outputs(name, outputs, where)
        if server:
            click.echo(safe(f"the server: {server}"))
    if its_status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        sys.exit(1)


@aws.command(epilog="Example: headwater aws check --region eu-west-1")
@_name_option
@json_option
@aws_options
def check(name: str, *, as_json: bool, **where: Any) -> None:
    """Send a recorded plan through a deployed server and read its lineage back. Exit code 1 if that fails.

    Of team it goes through the receiver, the inbox and the ingester, which takes up to some minutes. From a machine
    that reaches the server. The plan stays in the ledger; its job, headwater-check, is ignored in
    answers afterwards.
    """
    from headwater.smoke import Receiver
    from headwater.smoke import check as try_it

    with translated():
        stack = _stack(name, where)
        _existing(stack)
        outputs = stack.outputs()
        if "Url" not in outputs or "TokenSecret" not in outputs:
            raise WrongUse(f"{name} has no outputs Url and TokenSecret: it is no stack of headwater aws deploy")
        token = stack.secret(outputs["TokenSecret"])
        receiver = None
        if outputs.keys() >= _OUTPUTS_OF_TEAM:
            receiver = Receiver(outputs["ReceiverUrl"], stack.secret(outputs["AgentsTokenSecret"]))
    problem = try_it(outputs["Url"], token, receiver)
    if as_json:
        print_json({"url": outputs["Url"], "problem": problem})
    else:
        click.echo(
            safe(problem or f"{outputs['Url']}: a plan was taken, and its lineage is answered"), err=bool(problem)
        )
    if problem:
        sys.exit(1)


@aws.command(epilog="Example: headwater aws destroy --name headwater-test")
@_name_option
@click.option("--confirm", metavar="NAME", help="the stack's name once more, instead of typing it")
@aws_options
def destroy(name: str, confirm: str | None, **where: Any) -> None:
    """Delete a stack, after its name was typed. Says first what stays: buckets, secrets, snapshots."""
    with translated():
        stack = _stack(name, where)
        _existing(stack)
        kept = stack.template().kept
        click.echo(safe(f"{name} in {stack.region} is deleted, with all of its resources but these, which stay:"))
        click.echo(safe("  " + (", ".join(kept) or "none: its data go with it")))
        if confirm is None:
            if not sys.stdin.isatty():
                raise WrongUse(f"nothing was deleted: name the stack once more, --confirm {name}")
            confirm = click.prompt("type the stack's name to delete it")
        if confirm != name:
            raise WrongUse(f"nothing was deleted: {confirm!r} is not {name!r}")
        stack.delete(_tell)
    click.echo(safe(f"{name}: deleted"))


@aws.command(epilog="Example: headwater aws cost one --plans 100000")
@click.argument("size", type=_SIZES)
@click.option(
    "--plans",
    type=click.IntRange(0, 1_000_000_000),
    default=100_000,
    show_default=True,
    help="execution plans a month, each with its event",
)
@click.option(
    "--watches",
    type=click.IntRange(0, 50_000),
    default=0,
    show_default=True,
    help="of team: how often a month watches are evaluated (730: each hour)",
)
@click.option(
    "--readers",
    type=click.IntRange(0, 1_000),
    default=0,
    show_default=True,
    help="of team: tasks that only answer (its parameter Readers)",
)
@click.option("--notebook", is_flag=True, help="of team: with a notebook instance")
@csv_option
@json_option
def cost(size: str, plans: int, watches: int, readers: int, *, notebook: bool, as_csv: bool, as_json: bool) -> None:
    """What a template costs a month: an estimate from a table of list prices, computed here."""
    from headwater.aws_bridge.costs import NOT_COUNTED, PRICES, PRICES_OF, Parts, estimate

    try:
        lines = estimate(size, plans, Parts(watches, notebook, readers))
    except ValueError as error:
        raise WrongUse(str(error)) from error
    whole = sum(line.usd for line in lines)
    if as_json:
        rows = [
            {"what": e.what, "quantity": e.quantity, "unit": PRICES[e.price][1], "usd": round(e.usd, 2)} for e in lines
        ]
        print_json(
            {"prices": PRICES_OF, "notCounted": NOT_COUNTED, "plans": plans, "lines": rows, "usd": round(whole, 2)}
        )
        return
    if as_csv:
        priced = ((e.what, f"{e.quantity:g}", PRICES[e.price][1], f"{e.usd:.2f}") for e in lines)
        print_table(("what", "quantity", "unit", "usd"), priced, as_csv=True)
        return
    print_table(
        ("what", "US$ a month", "at"),
        (
            (
                line.what,
                f"{line.usd:,.2f}",
                f"{line.quantity:,.2f} x {PRICES[line.price][0]:g} per {PRICES[line.price][1]}",
            )
            for line in lines
        ),
    )
    click.echo(f"together {whole:,.2f} US$ a month, with {plans:,} plans; list prices of {PRICES_OF}, not fetched")
    click.echo(f"not in it: {NOT_COUNTED}")


def _stack(name: str, where: Mapping[str, Any]) -> Stack:
    from headwater.aws_bridge.stacks import Stack

    return Stack(name, where["region"], where["profile"], where["endpoint"])


def _existing(stack: Stack) -> dict[str, Any]:
    found = stack.describe()
    if found is None:
        raise WrongUse(f"there is no stack {stack.name} in {stack.region}")
    return found


def _template(size: str, given: Path | None) -> Template:
    from headwater.aws_bridge.stacks import read_template

    name = Path("infra") / f"{size}.yaml"
    beside = Path(__file__).resolve().parents[2] / name  # a clone that is installed as it is
    file = given or next((place for place in (name, beside) if place.is_file()), None)
    if file is None:
        raise WrongUse(f"{name} is not here: run this in a clone of the repository, or give --template")
    try:
        return read_template(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WrongUse(f"--template: {file}: {error}") from error


def _parameters(template: Template, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    known = [each.name for each in template.parameters]
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or key not in known:
            expected = f"one of {', '.join(known)}" if equals else "KEY=VALUE"
            raise WrongUse(f"--parameter {key}: expected {expected}")
        found[key] = value
    return found


def _show(changes: tuple[Change, ...]) -> None:
    if changes:
        rows = ((c.action, c.resource, c.type, {"True": "replaced"}.get(c.replacement, "")) for c in changes)
        print_table(("what", "resource", "type", ""), rows)


def _show_outputs(name: str, outputs: Mapping[str, str], where: Mapping[str, Any]) -> None:
    for key, value in outputs.items():
        click.echo(safe(f"  {key}: {value}"))
    if "Url" in outputs and "TokenSecret" in outputs:
        region = f" --region {where['region']}" if where["region"] else ""
        lines = _TO_USE_TEAM if outputs.keys() >= _OUTPUTS_OF_TEAM else _TO_USE_ONE
        click.echo(safe(lines.format_map({**outputs, "name": name, "region": region})))


_OUTPUTS_OF_TEAM = {"ReceiverUrl", "AgentsTokenSecret", "InboxUrl", "JobsPolicy"}
_TO_USE = """\
To use it, where it can be reached:
    export HEADWATER_SERVER={Url}
    export HEADWATER_TOKEN=$(aws secretsmanager get-secret-value{region} --secret-id '{TokenSecret}' \\
      --query SecretString --output text)
    headwater aws check --name {name}{region}
"""
_TO_USE_ONE = f"""{_TO_USE}\
    # on the instance, by the line Shell; what it prints goes into token.txt
    sudo -u headwater /opt/headwater/bin/headwater token add --scope write nightly --data /var/lib/headwater
    headwater glue attach JOB --url {{Url}} --jars s3://BUCKET/jars --token-file token.txt{{region}}
In the notebooks: SOURCE = "{{Url}}"
"""
_TO_USE_TEAM = f"""{_TO_USE}\
Jobs whose agent, in Python, writes the inbox itself:
    aws iam attach-role-policy --role-name ROLE-OF-JOB --policy-arn {{JobsPolicy}}
    headwater glue attach JOB --agent python --url {{InboxUrl}} --bundle s3://BUCKET/headwater-spark.zip{{region}}
Jobs with Spline's agent, and OpenLineage's clients (the API key is the same secret):
    aws secretsmanager get-secret-value{{region}} --secret-id '{{AgentsTokenSecret}}' \\
      --query SecretString --output text > token.txt
    headwater glue attach JOB --url {{ReceiverUrl}} --jars s3://BUCKET/jars --token-file token.txt{{region}}
    OPENLINEAGE_URL={{ReceiverUrl}}
In notebooks elsewhere: SOURCE = "{{Url}}"
"""


def _tell(event: Event) -> None:
    reason = f": {event.reason}" if event.reason and event.failed else ""
    click.echo(safe(f"{event.status:<28}{event.resource}  {event.type}{reason}"))


def _say_nothing(_event: Event) -> None:
    """For --json."""


def _server_says(url: str) -> str:
    from headwater.client import Client

    try:
        if not Client(url).alive():
            return f"{url} does not answer from here"
        said = Client(url).readiness()
    except Unreachable as error:
        return str(error)
    except HeadwaterError as error:
        return str(error)
    return f"{said.get('status') or said.get('reason')}, {said['entries']:,} entries"
