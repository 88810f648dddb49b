"""A gzip file of text that is written once: the same text gives the same bytes."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

_BUFFER = 64 * 2**10
_LEVEL = 6


class PackedFile:
    """`size` is how many bytes of text it has."""

    def __init__(self, path: Path) -> None:
        """Begins the file at `path`, over whatever is there."""
        self.path = path
        self.size = 0
        # No name and no time in it: the bytes depend on the text alone.
        self._raw = path.open("wb")
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._raw, mtime=0)
        self._text = io.BufferedWriter(packed, _BUFFER)

    def write(self, text: str) -> None:
        """Append text, as UTF-8."""
        self.size += self._text.write(text.encode())

    def close(self) -> None:
        """End the file."""
        self._text.close()
        self._raw.close()
