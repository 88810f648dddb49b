"""What the commands share: options, the source to ask, and the one way to print JSON, a table, and progress.

Exit codes are those of `headwater.errors`; an error that a command raises is printed in `headwater.cli.run`.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from headwater.errors import WrongUse
from headwater.ingest.progress import Progress
from headwater.lengths import ago
from headwater.settings import DATA, SERVER, STORE, data_folder, default_data
from headwater.source import Source, find, folder_of_ledger

if TYPE_CHECKING:
    from rich.console import Console

    from headwater.queries.answers.answer import Answer, Table
    from headwater.queries.answers.shapes import Result

Command = TypeVar("Command", bound=Callable[..., Any])


def data_option(function: Command) -> Command:
    """``--data DIR``."""
    return click.option(
        DATA.option,
        "data",
        envvar=DATA.variable,
        type=click.Path(file_okay=False),
        callback=lambda _context, _parameter, given: data_folder(given),
        default=default_data,
        metavar="DIR",
        help=f"{DATA.meaning} [{DATA.variable}; default: ~/.local/share/headwater]",
    )(function)


def store_option(function: Command) -> Command:
    """``--store URL``."""
    return click.option(
        STORE.option, "store", envvar=STORE.variable, metavar="URL", help=f"{STORE.meaning} [{STORE.variable}]"
    )(function)


def server_option(function: Command) -> Command:
    """``--server URL``."""
    return click.option(
        SERVER.option, "server", envvar=SERVER.variable, metavar="URL", help=f"{SERVER.meaning} [{SERVER.variable}]"
    )(function)


def source_options(function: Command) -> Command:
    """Where to ask."""
    return data_option(store_option(server_option(function)))


def as_of_options(function: Command) -> Command:
    """``--as-of TIME`` and ``--run ID``, to be read by `as_of`."""
    time = (
        "answer as of a time (2026-03-01, 2026-03-01T08:00Z, 24h: a day ago), or 'ever': all logic that ever ran "
        "(default: now)"
    )
    run = "answer as a run saw its inputs: id of a run, a Glue job run (jr_...) or a Spark application"
    function = click.option("--run", "run", metavar="ID", help=run)(function)
    return click.option("--as-of", "as_of", metavar="TIME", help=time)(function)


def as_of(options: dict[str, Any]) -> str | None:
    """The parameter `asOf`, out of the options of `as_of_options`, which are taken out. WrongUse: both are given."""
    time, run = options.pop("as_of"), options.pop("run")
    if time is not None and run is not None:
        raise WrongUse("--run and --as-of both choose a time: give one of them")
    return ago(time) if run is None else str(run)


def csv_option(function: Command) -> Command:
    """``--csv``."""
    return click.option("--csv", "as_csv", is_flag=True, help="print CSV, with whole ids")(function)


def json_option(function: Command) -> Command:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="print JSON")(function)


def ledger_here(data: Path, server: str | None, command: str) -> Path:
    """The data folder whose ledger a `command` reads: `data`, or that of a server on this machine that was named.

    `server` None: the one that the environment names. WrongUse: it would read another ledger than that of the server.
    """
    context = click.get_current_context()
    named = context.get_parameter_source("data") is not ParameterSource.DEFAULT
    return folder_of_ledger(data, server or os.environ.get(SERVER.variable), command, named=named)


def aws_options(function: Command) -> Command:
    """``--region``, ``--profile``, ``--endpoint-url``: as the AWS CLI has them."""
    options = (
        click.option("--region", metavar="REGION", help="AWS region (default: from the AWS configuration)"),
        click.option("--profile", metavar="NAME", help="profile in the AWS configuration"),
        click.option("--endpoint-url", "endpoint", metavar="URL", help="AWS endpoint to use instead of the public one"),
    )
    for option in reversed(options):
        function = option(function)
    return function


@contextmanager
def asking(data: Path, store: str | None, server: str | None, *, create: bool = False) -> Iterator[Source]:
    """The source to ask, closed at the end; shows the progress of bringing its graph up to date."""
    with progress("bringing the graph up to date") as step:
        source = find(data, store, server, step, create=create)
    try:
        yield source
    except WrongUse as error:
        raise _naming_option(error) from error
    finally:
        source.close()


def _naming_option(error: WrongUse) -> WrongUse:
    """The error; what begins with the name of a query's parameter names the option that was given for it instead."""
    context = click.get_current_context(silent=True)
    if context is None:
        return error
    for option in context.command.params:
        name = _PARAMETERS.get(option.name or "", option.name)
        without = error.message.removesuffix(f" {name} is needed")
        if isinstance(option, click.Option) and without != error.message:
            return WrongUse(f"{without} {option.opts[-1]} is needed", error.suggestions, error.status)
        if context.params.get(option.name or "") is None or not error.message.startswith(f"{name} "):
            continue
        given = str(context.params[option.name or ""])[:100]
        if name == "asOf" and option.name == "run" and " is neither a time nor " in error.message:
            message = f"--run {given!r} is no run, Glue job run or Spark application that is known"
        elif isinstance(option, click.Option):
            said = error.message.removeprefix(f"{name} must be a time (")
            times = f"{option.opts[-1]} must be a length of time ({_LENGTHS}), a time ("
            message = times + said if said != error.message else option.opts[-1] + error.message.removeprefix(str(name))
        else:
            continue
        return WrongUse(message, error.suggestions, error.status)
    return error


#: The parameters of queries whose option is called otherwise.
_PARAMETERS = {"as_of": "asOf", "run": "asOf", "begin": "from", "end": "to", "type_": "type"}
_LENGTHS = "24h, 30m, 7d: so long ago"


def console() -> Console:
    """Standard output: colours on a terminal only, no text is taken for markup; in a file or pipe no line is cut."""
    from rich.console import Console

    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _WIDE)


#: Columns of a line in a file or pipe: rich needs some width, and this is longer than any line of ours.
_WIDE = 2_000


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, as_csv: bool = False) -> None:
    """A table of other people's texts, laid out as the rows of an answer are, or as CSV."""
    from headwater.queries.drawing import escape
    from headwater.queries.drawing.rows import Layout, lines

    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([headings, *(map(escape.csv_cell, row) for row in rows)])
        return
    shown = Layout(tuple(headings), tuple(tuple(map(safe, row)) for row in rows))
    click.echo("\n".join(lines(shown, terminal_width())))


def print_rows(answer: Answer | Table, form: str) -> None:
    """Rows, or the edges of a lineage answer: `form` is table, json or csv."""
    from headwater.queries.drawing import rows

    if form == "json":
        print_json(answer.to_dict())
    elif form == "csv":
        click.echo(rows.as_csv(answer), nl=False)
    else:
        click.echo(rows.plain(answer, terminal_width()))


def say_what_lacks(answer: Result, *, more: str | None = None, of: str | None = None) -> None:
    """On standard error, beside an answer that is not printed as JSON: why it is not complete, and that there is more.

    `more` says how to get the rest of the rows, if there is one; `of` names the answer where several are printed.
    """
    from headwater.queries.answers.answer import why_incomplete

    if more:
        click.echo(more, err=True)
    if not answer.complete:
        named = "" if of is None else f"{of}: "
        click.echo(f"{named}not complete: {why_incomplete(answer.reason)}", err=True)


def terminal_width() -> int:
    """Columns of the terminal; 100 in a file or pipe, where COLUMNS can say another number."""
    return shutil.get_terminal_size((100, 24)).columns


def print_json(content: object) -> None:
    """JSON, one document, indented on a terminal."""
    text = json.dumps(content, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False)
    click.echo(_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


#: Characters that JSON leaves as they are and a terminal obeys: more controls, and those that reorder text.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(text: str) -> str:
    """Other people's text for a terminal: control characters in it are shown instead of obeyed."""
    from headwater.queries.drawing.escape import terminal

    return terminal(text)


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """A progress bar on standard error, if that is a terminal; it appears with the first step."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=None)

    def step(done: int, total: int) -> None:
        bar.start()  # starting it again does nothing
        bar.update(task, completed=done, total=total)

    try:
        yield step
    finally:
        bar.stop()
