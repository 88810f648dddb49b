"""The command spark-bundle: the Python agent for Spark as one zip file."""

from __future__ import annotations

from pathlib import Path

import click

from headwater.cli.common import json_option, print_json, safe
from headwater.errors import WrongUse


@click.command("spark-bundle", epilog="Example: headwater spark-bundle headwater-spark.zip")
@click.argument("place", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT.zip")
@json_option
def spark_bundle(place: Path, *, as_json: bool) -> None:
    """Write the Python agent as one zip: for Glue's --extra-py-files, spark-submit's --py-files, or PYTHONPATH.

    The zip needs no other package to be installed. See docs/spark.md and docs/glue.md.
    """
    from headwater.bundle import write

    if place.suffix != ".zip":
        raise WrongUse(f"OUT.zip: {place} does not end in .zip, which Spark and Glue require")
    try:
        count = write(place)
    except OSError as error:
        raise WrongUse(f"OUT.zip: {place} cannot be written: {error.strerror}") from None
    if as_json:
        print_json({"place": str(place), "files": count, "bytes": place.stat().st_size})
    else:
        click.echo(safe(f"{place}: {count} files, {place.stat().st_size:,} bytes"))
