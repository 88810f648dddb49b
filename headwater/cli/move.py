"""Moving: export, bulk-load, ledger export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater.cli.common import asking, data_option, json_option, print_json, progress, safe, store_option
from headwater.errors import WrongUse
from headwater.source import has_ledger, translated

if TYPE_CHECKING:
    from ingest.places import Place

_MB = 2**20


@click.command(epilog="Example: headwater export --format neptune-csv /tmp/lineage")
@click.argument("target", metavar="DIR")
@click.option("--format", "form", type=click.Choice(["neptune-csv"]), required=True, help="for whom")
@click.option(
    "--split", type=click.IntRange(1), default=256, show_default=True, metavar="MB", help="text in a file, unpacked"
)
@json_option
@data_option
@store_option
def export(target: str, form: str, split: int, as_json: bool, data: Path, store: str | None) -> None:
    """Write the graph as files into DIR, which must be empty. Works beside a running server.

    neptune-csv: vertices and edges for Neptune's bulk loader in DIR/graph, and in DIR/ledger the vertex that says that
    the graph is whole: to be loaded last, as `headwater bulk-load` does.
    """
    from ingest.exporting import export_neptune_csv

    has_ledger(data)
    with asking(data, store, None) as source:
        with progress("bringing the graph up to date") as step:
            source.settle(step)
        with _placed(target) as place, translated(), progress("exporting") as step:
            done = export_neptune_csv(data, place, step, split=split * _MB)
    if as_json:
        print_json(done.to_dict())
        return
    vertices, edges = done.written.vertices.total(), done.written.edges.total()
    click.echo(
        safe(
            f"{vertices:,} vertices and {edges:,} edges in {done.written.files:,} files ({done.written.bytes:,} bytes) "
            f"in {target}: the graph up to entry {done.applied:,}"
        )
    )


@contextmanager
def _placed(target: str) -> Iterator[Place]:
    """The folder named; what it refuses is a user's."""
    from ingest.places import Folder, NotEmpty

    try:
        yield Folder(Path(target))
    except (NotEmpty, OSError) as error:
        raise WrongUse(str(error)) from error
