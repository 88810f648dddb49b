"""A description by a model: headwater draft-description."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

from headwater.cli import completion
from headwater.cli.common import asking, aws_options, json_option, print_json, safe, source_options
from headwater.translation import translated

_EXAMPLES = """\
\b
Example: headwater draft-description /data/lake/mart/orders --show-prompt
         headwater draft-description /data/lake/mart/orders#amount_eur --model amazon.nova-lite-v1:0
"""


@click.command("draft-description", epilog=_EXAMPLES)
@click.argument("node", shell_complete=completion.nodes)
@click.option("--model", metavar="ID", help="the model of Amazon Bedrock: its id, or the ARN of an inference profile")
@click.option("--show-prompt", is_flag=True, help="print what would be sent, and send nothing")
@click.option("--again", is_flag=True, help="also where there is a description")
@json_option
@source_options
@aws_options
def draft_description(  # noqa: PLR0913 - options of the command line
    node: str,
    *,
    model: str | None,
    show_prompt: bool,
    again: bool,
    as_json: bool,
    data: Path,
    store: str | None,
    server: str | None,
    region: str | None,
    profile: str | None,
    endpoint: str | None,
) -> None:
    """Let a model of Amazon Bedrock describe NODE, a dataset or column, out of its lineage.

    Names, types and expressions without their literals are sent; never data. The description says that it is generated,
    and a person's own counts more (headwater describe).
    """
    from headwater import describing
    from headwater.aws_bridge.bedrock import Bedrock

    if not model and not show_prompt:
        raise click.UsageError("--model is needed, or --show-prompt: nothing is sent to a model by default")
    with translated(), asking(data, store, server) as source:
        if show_prompt or model is None:
            found = describing.prompt_of(source, node)
        else:
            opened = Bedrock.connect(model, region, profile, endpoint)
            found = describing.draft(source, opened, node, again=again)
            source.settle(lambda _done, _total: None)
    if as_json:
        print_json(found.to_dict())
    elif show_prompt:
        lines = [*textwrap.wrap(describing.SYSTEM, 98), "", *map(safe, found.prompt.splitlines())]
        click.echo("\n".join(lines))
    else:
        click.echo(safe(f"{found.node}: {found.text}"))
