"""``python -m headwater.spark --to URL script.py [arguments]``: a PySpark script, captured without a change to it."""

from __future__ import annotations

import argparse
import os
import runpy
import sys

from headwater.spark.hook import install

_EPILOG = """\
example: python -m headwater.spark --to http://127.0.0.1:9090 nightly.py --day 2026-01-31
All other settings come from Spark's (spark.headwater.*) or from the environment (HEADWATER_*): docs/spark.md."""


def main() -> None:
    """Run the script as Python itself would: its arguments, its folder first among the paths, its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m headwater.spark",
        description="Run a PySpark script and report what it writes, column by column.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--to", metavar="URL", help="the server (default: spark.headwater.url, HEADWATER_URL)")
    parser.add_argument("script", help="the script to run")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments")
    given = parser.parse_args()
    if not os.path.exists(given.script):  # noqa: PTH110 - as runpy takes it
        parser.error(f"there is no {given.script}")
    sys.argv = [given.script, *given.arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(given.script))  # noqa: PTH100, PTH120 - as Python does it
    install({"url": given.to} if given.to else {})
    runpy.run_path(given.script, run_name="__main__")


if __name__ == "__main__":
    main()
