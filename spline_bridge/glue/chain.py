"""The value of the Glue argument ``--conf``, which holds several Spark settings: ``a=1 --conf b=2 --conf c=3``.

Glue has one such argument, so users chain the settings in it. A chain is kept exactly as it was written, blanks
included: when what was added is removed again, the text is the one from before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Pair", "find", "parse", "text_of", "value_of"]

# The blank after --conf is not part of the match, so it belongs to the next setting: text that is appended then never
# changes how the text before it is split.
_BETWEEN = re.compile(r"(\s--conf(?=\s))")


@dataclass(frozen=True)
class Pair:
    """One setting as written: the separator before it, and its text ``key=value``."""

    before: str
    text: str

    @property
    def key(self) -> str:
        """The setting's name."""
        return self.text.partition("=")[0].strip().removeprefix("--conf").strip().lstrip("\"'")

    @property
    def value(self) -> str:
        """The setting's value."""
        return self.text.partition("=")[2].strip().strip("\"'")


def parse(chain: str) -> tuple[Pair, ...]:
    """The settings of a chain; `text_of` gives the same chain again."""
    parts = ["", *_BETWEEN.split(chain)]
    return tuple(Pair(before, text) for before, text in zip(parts[::2], parts[1::2], strict=True))


def text_of(pairs: tuple[Pair, ...]) -> str:
    """The chain with these settings."""
    return "".join(pair.before + pair.text for pair in pairs)


def find(pairs: tuple[Pair, ...], key: str) -> int | None:
    """The index of a setting; of several with one key the last, because that is the one that Spark takes."""
    return next((at for at in reversed(range(len(pairs))) if pairs[at].key == key), None)


def value_of(chain: str, key: str) -> str:
    """A setting's value; empty if there is none."""
    pairs = parse(chain)
    at = find(pairs, key)
    return "" if at is None else pairs[at].value
