"""The value of Glue's one ``--conf``: Spark settings, chained by `` --conf `` between them.

A chain is kept as it was written, the blanks between its pairs included: taking off what was added gives the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Pair", "find", "parse", "text_of", "value_of"]

# One blank before and none after: what is appended never changes where the text before it is cut.
_BETWEEN = re.compile(r"(\s--conf(?=\s))")


@dataclass(frozen=True)
class Pair:
    """One setting as written: what stands before it, and ``key=value``."""

    before: str
    text: str

    @property
    def key(self) -> str:
        """The setting's name."""
        return self.text.partition("=")[0].strip().removeprefix("--conf").strip().lstrip("\"'")

    @property
    def value(self) -> str:
        """What it is set to."""
        return self.text.partition("=")[2].strip().strip("\"'")


def parse(chain: str) -> tuple[Pair, ...]:
    """The pairs of a chain; together they are the chain again."""
    parts = ["", *_BETWEEN.split(chain)]
    return tuple(Pair(before, text) for before, text in zip(parts[::2], parts[1::2], strict=True))


def text_of(pairs: tuple[Pair, ...]) -> str:
    """The chain."""
    return "".join(pair.before + pair.text for pair in pairs)


def find(pairs: tuple[Pair, ...], key: str) -> int | None:
    """Where a setting is: its last place, because Spark takes the last."""
    return next((at for at in reversed(range(len(pairs))) if pairs[at].key == key), None)


def value_of(chain: str, key: str) -> str:
    """A setting's value; empty if there is none."""
    pairs = parse(chain)
    at = find(pairs, key)
    return "" if at is None else pairs[at].value
