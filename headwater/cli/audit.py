"""What a model was made of: headwater audit."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import as_of, as_of_options, asking, json_option, print_json, source_options
from headwater.errors import WrongUse

if TYPE_CHECKING:
    from headwater.queries.answers.audit import Audit

_EPILOG = """\
\b
Example: headwater audit endpoint/churn-prod
         headwater audit arn:aws:sagemaker:eu-west-1:123456789012:model-package/churn/3 --html audit.html
         headwater audit churn-2026-11-24 --as-of 2026-12-01 --json

`headwater sagemaker import` brings the models in. Exit code 0: all is known, and nothing was changed since; 1: there
are findings; 2: there is no such endpoint, model, package or job.
"""


@click.command(epilog=_EPILOG)
@click.argument("subject", metavar="ENDPOINT|MODEL|PACKAGE|JOB")
@click.option(
    "--html", "html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="write a page for others"
)
@as_of_options
@json_option
@source_options
def audit(subject: str, html: Path | None, **options: Any) -> None:
    """Audit a model: what it was made of, and whether that still stands.

    From an endpoint, model, model package or job of SageMaker (its ARN, KIND/NAME or name) back to the training, to
    each S3 path that was read, in the version that stood when the reader started, to the Spark runs that made it, and
    to the source columns with their expressions. A dataset or a run can be audited too.
    """
    from headwater.queries.answers.audit import Audit
    from headwater.queries.drawing.audit import page, plain
    from headwater.queries.drawing.impact_rows import moment

    as_json, when = options.pop("as_json"), as_of(options)
    given = [("node", subject), *([("asOf", when)] if when is not None else [])]
    with asking(**options) as source:
        found = source.ask("audit", given)
        asked = f"asked at {moment(time.time_ns() // 1_000_000)} of {source.place}"
    assert isinstance(found, Audit), "the query audit answers with an audit"
    if html is not None:
        _write(html, page(found, [asked]))
    if as_json:
        print_json(found.to_dict())
    elif html is None:
        click.echo(plain(found), nl=False)
    else:
        click.echo(f"{html}: {_counted(found)}")
    if found.findings:
        raise click.exceptions.Exit(1)


def _counted(found: Audit) -> str:
    return f"{len(found.steps)} steps, {len(found.inputs)} inputs, {len(found.findings)} findings"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror}") from error
