"""The command line. Each command is a function in a module of this package; this one lists them and runs one.

Here alone errors become messages and exit codes (`headwater.errors` has the list). Heavy modules are imported inside
the commands, so that `--help` is quick.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping
from itertools import chain

import click

import headwater
from headwater.cli.ask import downstream, query, upstream
from headwater.cli.audit import audit
from headwater.cli.aws import aws
from headwater.cli.bundle import spark_bundle
from headwater.cli.common import safe
from headwater.cli.datazone import datazone
from headwater.cli.draft import draft_description
from headwater.cli.estate import estate
from headwater.cli.evidence import evidence
from headwater.cli.explain import explain
from headwater.cli.find import columns, datasets, jobs, runs, search
from headwater.cli.glue import glue
from headwater.cli.glue_catalog import glue_catalog
from headwater.cli.impact import impact
from headwater.cli.ingest import ingest
from headwater.cli.keep import backup, erase, parked, replay, verify
from headwater.cli.ledger import ledger
from headwater.cli.load import load
from headwater.cli.look import demo, doctor
from headwater.cli.mcp import mcp
from headwater.cli.move import bulk_load, export
from headwater.cli.names import explain_names, names
from headwater.cli.past import changes, consumers, diff, inputs
from headwater.cli.paths import paths
from headwater.cli.publish import publish
from headwater.cli.receive import receive
from headwater.cli.sagemaker import sagemaker
from headwater.cli.serve import serve
from headwater.cli.sqlhistory import sql_history
from headwater.cli.state import describe, ignore, own, retire, same, tag
from headwater.cli.token import token
from headwater.cli.watch import watch
from headwater.cli.why import why
from headwater.errors import HeadwaterError, WrongUse, did_you_mean

__all__ = ["main"]

_INTERRUPTED = 130  #: as shells have it: 128 + the number of SIGINT

#: All commands, in the sections and the order that the help shows.
_SECTIONS: Mapping[str, tuple[click.Command, ...]] = {
    "Find": (search, datasets, columns, jobs, runs),
    "Ask": (
        upstream,
        downstream,
        why,
        impact,
        paths,
        inputs,
        audit,
        consumers,
        diff,
        changes,
        explain,
        explain_names,
        estate,
        query,
        watch,
    ),
    "State": (tag, own, describe, draft_description, retire, ignore, same),
    "Receive": (
        serve,
        receive,
        ingest,
        load,
        sql_history,
        datazone,
        token,
        glue,
        glue_catalog,
        sagemaker,
        spark_bundle,
        aws,
    ),
    "Assistants": (mcp,),
    "Keep and move": (verify, evidence, backup, erase, parked, replay, publish, export, bulk_load, ledger, names),
    "Try and check": (demo, doctor),
}


class _Sections(click.Group):
    """A group whose help lists the commands by section, a sentence each."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(str(one.name), one.get_short_help_str(_SENTENCE)) for one in commands])


_SENTENCE = 200  #: characters: longer than any first sentence


@click.group(cls=_Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(headwater.__version__, prog_name="headwater")
@click.option("--debug", is_flag=True, help="print the stack trace of an internal error")
@click.pass_obj
def command(shared: dict[str, bool], debug: bool) -> None:
    """Column-level data lineage for Spark on AWS: where a column came from, and what breaks if it changes.

    The names in the examples are those of the jobs that `headwater serve --example` has.
    """
    shared["debug"] = debug


def _with_whole_examples(found: click.Command) -> click.Command:
    """The command, and those in it, with examples that are not wrapped: a line that was broken cannot be copied."""
    if found.epilog and found.epilog.startswith("Example: "):
        found.epilog = f"\b\n{found.epilog}"
    for inner in found.commands.values() if isinstance(found, click.Group) else ():
        _with_whole_examples(inner)
    return found


for _command in chain.from_iterable(_SECTIONS.values()):
    command.add_command(_with_whole_examples(_command))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """The exit code of one command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A name in the graph may hold a character that the terminal's encoding has not: print its code, do not fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    shared = {"debug": False}
    try:
        code = command.main(args=arguments, prog_name="headwater", standalone_mode=False, obj=shared)
        return code if isinstance(code, int) else 0  # click gives back the code of an Exit instead of raising it
    except click.exceptions.Exit as error:
        return error.exit_code
    except BrokenPipeError:  # as with `| head`: the reader closed the pipe. Python would complain again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (click.ClickException, click.Abort, KeyboardInterrupt, HeadwaterError) as error:
        return _print_error(error)
    except OSError as error:
        return _system_error(error) or _internal_error(error, debug=shared["debug"])
    except Exception as error:  # noqa: BLE001 - the outermost place: the user gets the path of a file, not a stack trace
        return _internal_error(error, debug=shared["debug"])
    return 0


def _print_error(error: BaseException) -> int:
    """Print a message for the user to standard error; returns the exit code."""
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, HeadwaterError):
        _say(error)
        return error.exit_code
    click.echo("interrupted", err=True)
    return _INTERRUPTED


#: What the user's system refuses, whatever the command was: no error of ours.
_REFUSED_BY_SYSTEM = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT})


def _system_error(error: OSError) -> int | None:
    """Name the file that cannot be read or written; the exit code. None: it is none of these errors."""
    if error.errno not in _REFUSED_BY_SYSTEM or not error.filename:
        return None
    return _print_error(WrongUse(f"{error.filename} cannot be read or written: {error.strerror}"))


def _say(error: HeadwaterError) -> None:
    click.echo(safe(f"headwater: {error.message}"), err=True)
    if error.suggestions:
        click.echo(safe(did_you_mean(error.suggestions)), err=True)


def _internal_error(error: Exception, *, debug: bool) -> int:
    """Write the stack trace to a temporary file, which only this user can read, and print its path."""
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if debug:
        click.echo(trace, err=True)
        return HeadwaterError.fault.exit_code
    with tempfile.NamedTemporaryFile("w", prefix="headwater-", suffix=".log", delete=False, encoding="utf-8") as file:
        file.write(trace)
    click.echo(f"headwater: an internal error ({type(error).__name__}); the details are in {file.name}", err=True)
    return HeadwaterError.fault.exit_code
