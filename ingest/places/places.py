"""Where files are written to and read from: a folder on this machine, or a prefix in S3 (`aws_bridge.s3`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Protocol


class NotEmpty(Exception):
    """Something lies where an export is to go: whoever reads all that is there would read it too."""


class Place(Protocol):
    """A set of files by name, with `/` between folders. Raises OSError, or `aws_bridge.session.AwsError`."""

    def names(self) -> list[str]:
        """The files that are there, in order of name."""

    def put(self, name: str, path: Path) -> None:
        """Take over a finished file; `path` is gone afterwards. One of the name is replaced."""

    def open(self, name: str) -> BinaryIO:
        """Read a file from its beginning. FileNotFoundError: there is none of that name."""

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder for files that are not finished, removed at the end."""

    def __str__(self) -> str:
        """For people."""


class Folder:
    """A folder, made where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        """The files that are there, in order of name."""
        return sorted(str(file.relative_to(self._path)) for file in self._path.rglob("*") if file.is_file())

    def put(self, name: str, path: Path) -> None:
        """Move a finished file here."""
        target = self._path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)

    def open(self, name: str) -> BinaryIO:
        """Read a file from its beginning."""
        return (self._path / name).open("rb")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Inside the folder: on the same disk, so that a finished file is only renamed."""
        self._path.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".unfinished-", dir=self._path) as folder:
            yield Path(folder)

    def __str__(self) -> str:
        return str(self._path)


def open_place(where: str, region: str | None = None, profile: str | None = None, endpoint: str | None = None) -> Place:
    """A folder, or ``s3://bucket/prefix``; the rest is for AWS alone. Raises NotAPlace, NotInstalled, AwsError."""
    if not where.startswith("s3://"):
        return Folder(Path(where))
    from headwater.aws_bridge.s3 import Prefix
    from headwater.aws_bridge.session import Session

    return Prefix(Session(region, profile), where, endpoint)


def refuse_unless_empty(place: Place) -> None:
    """Raises `NotEmpty`."""
    found = place.names()
    if found:
        raise NotEmpty(f"{place} is not empty: {found[0]} lies there")


class Within:
    """The files of a place in one of its folders."""

    def __init__(self, place: Place, folder: str) -> None:
        self._place = place
        self._prefix = f"{folder}/"

    def names(self) -> list[str]:
        """The files that are there, in order of name."""
        names = self._place.names()
        return [name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)]

    def put(self, name: str, path: Path) -> None:
        """Take over a finished file."""
        self._place.put(self._prefix + name, path)

    def open(self, name: str) -> BinaryIO:
        """Read a file from its beginning."""
        return self._place.open(self._prefix + name)

    def scratch(self) -> AbstractContextManager[Path]:
        """The place's own."""
        return self._place.scratch()

    def __str__(self) -> str:
        return f"{self._place}/{self._prefix}"
