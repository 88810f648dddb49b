"""Writes the table of the agent's settings into docs/spark.md: ``python -m headwater.cli.spark_docs docs/spark.md``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from headwater.spark.settings import Setting, settings

BEGIN = "<!-- settings: made by `python -m headwater.cli.spark_docs docs/spark.md` -->\n"
END = "<!-- end of settings -->\n"


def table() -> str:
    """All settings, in Markdown."""
    head = ["| argument | Spark setting | environment | default | meaning |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_line, settings())]) + "\n"


def page(text: str) -> str:
    """The text of a page, with the table between the two marks replaced."""
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}{table()}{END}", text, flags=re.DOTALL)


def _line(row: Setting) -> str:
    default = f"`{_shown(row.default)}`" if row.default != "" else "none"
    return f"| `{row.name}` | `{row.conf}` | `{row.variable}` | {default} | {row.meaning} |"


def _shown(value: object) -> str:
    """A default as a user writes it: true, 0.5, text."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(page(place.read_text(encoding="utf-8")), encoding="utf-8")
