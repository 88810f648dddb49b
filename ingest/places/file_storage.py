"""Where files are written to and read from: a folder on this machine, or a prefix in S3 (`aws_bridge.s3`).

Also the one kind of file that several exports write there: text, packed with gzip.
"""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from headwater.ingest.places.file_names import UnsafeName, path_in
from headwater.temporary import TemporaryFolder

_BUFFER = 64 * 2**10  # bytes of text that are packed at once: packing line by line takes much longer
_LEVEL = 6  # gzip's own default: these files are written once, and carried and read often


class NotEmpty(Exception):
    """There are files where an export is to go: whoever reads all files there would read these too."""


class FileStorage(Protocol):
    """A set of files by name, with `/` between folders. Raises OSError, or `aws_bridge.session.AwsError`.

    A name may come from outside: on a disk, one that is not that of a file in the folder is `file_names.UnsafeName`.
    """

    def names(self) -> list[str]:
        """The files that are there, in order of name."""

    def put(self, name: str, path: Path) -> None:
        """Move the finished file at `path` here; it is gone from there afterwards. A file of this name is replaced."""

    def open(self, name: str) -> BinaryIO:
        """Read a file from its beginning. FileNotFoundError: there is none of that name."""

    def scratch(self) -> AbstractContextManager[Path]:
        """A folder on this machine for files that are not finished, removed at the end."""

    def __str__(self) -> str:
        """Its path or URL, for messages."""


class ObjectStorage(FileStorage, Protocol):
    """Files that are also written from memory, perhaps only once, and removed: what an inbox and a ledger are kept in.

    Checked on every implementation by one suite, `tests/contract/test_object_storage.py`.
    """

    def write(self, name: str, data: bytes, *, once: bool = False) -> None:
        """Write a whole file, durable on return; nobody ever sees a part of it. One of this name is replaced.

        FileExistsError: there is one, and it is to be written only `once`; of two writers at the same time, one gets
        this error. After any other error the file may be there or not.
        """

    def read(self, name: str) -> bytes:
        """All of a file. FileNotFoundError: there is none of that name."""

    def remove(self, *names: str) -> None:
        """Remove files. Without effect on those that are not there."""

    def listed(self, under: str = "", after: str = "") -> Iterator[str]:
        """The files whose names begin with `under` and come behind `after`, in order of name; drafts are left out."""


@runtime_checkable
class Versioned(Protocol):
    """A storage that may keep what is replaced."""

    def remove_older(self, name: str, *, bypass_governance: bool = False) -> None:
        """Remove all versions of a file but the newest."""

    def kept_until(self, name: str) -> tuple[str, str] | None:
        """How (``GOVERNANCE``, ``COMPLIANCE``, ``HOLD``) and until when nobody may remove a file; None: anybody may."""


class LocalFolder:
    """A folder on this machine, made by the first `scratch`, `put` or `write` where there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        """See `FileStorage.names`."""
        return self._names_in("")

    def _names_in(self, folder: str) -> list[str]:
        begin = len(os.path.join(self._path, ""))  # noqa: PTH118 - a Path for each of a million files takes a minute
        return sorted(path[begin:] for path in _files(os.path.join(self._path, folder)))  # noqa: PTH118

    def put(self, name: str, path: Path) -> None:
        """See `FileStorage.put`."""
        target = path_in(self._path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, target)

    def open(self, name: str) -> BinaryIO:
        """See `FileStorage.open`."""
        path = path_in(self._path, name)
        if path.exists() and not path.is_file():  # opening a pipe would wait for somebody who writes to it
            raise UnsafeName(name, "is no regular file")
        return path.open("rb")

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """See `FileStorage.scratch`. Inside the folder: on the same disk, a finished file only has to be renamed."""
        self._path.mkdir(parents=True, exist_ok=True)
        with TemporaryFolder(_UNFINISHED, self._path) as folder:
            yield Path(folder)

    def write(self, name: str, data: bytes, *, once: bool = False) -> None:
        """See `ObjectStorage.write`. A draft in the same folder is renamed, or linked, under the file's name."""
        target = path_in(self._path, name)
        make_private(target.parent)
        draft = target.with_name(f".{target.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if once:
                os.link(draft, target)
            else:
                draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(target.parent)

    def read(self, name: str) -> bytes:
        """See `ObjectStorage.read`."""
        with self.open(name) as file:
            return file.read()

    def remove(self, *names: str) -> None:
        """See `ObjectStorage.remove`."""
        for name in names:
            path_in(self._path, name).unlink(missing_ok=True)

    def listed(self, under: str = "", after: str = "") -> Iterator[str]:
        """See `ObjectStorage.listed`."""
        for name in self._names_in(under.rpartition("/")[0]):
            if name.startswith(under) and name > after and not any(part[0] == "." for part in name.split("/")):
                yield name

    def __str__(self) -> str:
        return str(self._path)


_UNFINISHED = ".unfinished-"  #: begins the names of folders for files that are not finished


def _files(folder: str) -> Iterator[str]:
    """The paths of the regular files in a folder, and in those in it; nothing where there is none.

    Not those of `scratch`, which are not finished.
    """
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(_UNFINISHED):
                    yield from _files(entry.path)
            elif entry.is_file():
                yield entry.path


_PRIVATE = 0o700


def make_private(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for this user alone; those that exist keep their mode.

    `Path.mkdir` gives its mode to the last one only: others could read a data folder that was made for what is in it.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=_PRIVATE, exist_ok=True)
    if not folder.is_dir():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))


def sync_folder(folder: Path) -> None:
    """Make the names of new files in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Subfolder:
    """One of the folders of a storage, as a storage of its own."""

    def __init__(self, storage: FileStorage, folder: str) -> None:
        """`folder` is a name without a slash at its end."""
        self._storage = storage
        self._prefix = f"{folder}/"

    def names(self) -> list[str]:
        """See `FileStorage.names`; without the name of the folder."""
        names = self._storage.names()
        return [name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)]

    def put(self, name: str, path: Path) -> None:
        """See `FileStorage.put`."""
        self._storage.put(self._prefix + name, path)

    def open(self, name: str) -> BinaryIO:
        """See `FileStorage.open`."""
        return self._storage.open(self._prefix + name)

    def scratch(self) -> AbstractContextManager[Path]:
        """See `FileStorage.scratch`."""
        return self._storage.scratch()

    def __str__(self) -> str:
        return f"{self._storage}/{self._prefix}"


def open_storage(
    where: str,
    region: str | None = None,
    profile: str | None = None,
    endpoint: str | None = None,
    *,
    connections: int = 10,
) -> ObjectStorage:
    """The folder with this path, or the prefix ``s3://bucket/prefix``.

    `region`, `profile`, `endpoint` and `connections` (how many threads use it at once) are for AWS alone. Raises
    `aws_bridge`'s NotAnS3Url, NotInstalled and AwsError.
    """
    if not where.startswith("s3://"):
        return LocalFolder(Path(where))
    from headwater.aws_bridge.s3 import Prefix
    from headwater.aws_bridge.session import Session

    return Prefix(Session(region, profile, connections=connections), where, endpoint)


def refuse_unless_empty(storage: FileStorage) -> None:
    """Raises `NotEmpty` if there are files."""
    found = storage.names()
    if found:
        raise NotEmpty(f"{storage} is not empty: {found[0]} lies there")


class PackedFile:
    """A gzip file of text that is written once. The same text gives the same bytes: it holds no name and no time."""

    def __init__(self, path: Path) -> None:
        """Begin the file at `path`; one that is there is overwritten."""
        self.path = path
        self.size = 0  #: bytes of text that were written
        self._raw = path.open("wb")
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._raw, mtime=0)
        self._text = io.BufferedWriter(packed, _BUFFER)

    def write(self, text: str) -> None:
        """Append text, as UTF-8."""
        self.size += self._text.write(text.encode())

    def close(self) -> None:
        """Finish the file."""
        self._text.close()
        self._raw.close()
