"""Temporary folders that are removed also where the process that made them was killed: by whoever makes the next one.

A folder in use is held by a lock on a file in it, which the system releases with the process, however that ends. Only
folders with this file are removed: one that something else made, or is just being made, has none. Imports nothing of
Headwater.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "headwater-"
HELD = ".held"  #: the file in it; it has `_OURS` in it once the folder is locked
_OURS = b"a temporary folder of Headwater\n"


class TemporaryFolder(tempfile.TemporaryDirectory[str]):
    """As `tempfile.TemporaryDirectory`, in the system's place for temporary files, or in `place`.

    Folders beside it with the same `prefix` whose processes were killed are removed.
    """

    def __init__(self, prefix: str = PREFIX, place: Path | None = None) -> None:
        """`prefix` begins its name, and is no other program's."""
        remove_abandoned(place or Path(tempfile.gettempdir()), prefix)
        super().__init__(prefix=prefix, dir=place, ignore_cleanup_errors=True)
        # Closed with this object; no child process that is started has it.
        self._held = (Path(self.name) / HELD).open("xb", buffering=0)
        with suppress(OSError):  # a disk without locks: the folder is never taken for one that was left behind
            fcntl.flock(self._held, fcntl.LOCK_EX)
            self._held.write(_OURS)

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.name)

    def cleanup(self) -> None:
        """Remove it; again is no error."""
        super().cleanup()
        self._held.close()


def remove_abandoned(place: Path, prefix: str = PREFIX) -> None:
    """Remove the temporary folders in a place that nobody uses any more. What cannot be looked at or removed stays."""
    names: list[str] = []
    with suppress(OSError), os.scandir(place) as found:
        names = [entry.name for entry in found if entry.name.startswith(prefix)]
    for name in names:
        with suppress(OSError):
            _remove_if_abandoned(place / name)


def _remove_if_abandoned(folder: Path) -> None:
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
        return
    descriptor = os.open(folder / HELD, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.read(descriptor, len(_OURS) + 1) == _OURS:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
