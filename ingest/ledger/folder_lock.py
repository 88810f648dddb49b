"""A folder that one process at a time writes to, closed to other users. Nothing here knows what is stored in it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from headwater.ingest.ledger.entries import LedgerInUse, NotALedger
from headwater.ingest.places.file_storage import make_private, sync_folder

LOCK = "ledger.lock"

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def prepare_folder(folder: Path) -> None:
    """Make the folder if it is missing, closed to other users.

    A folder that was there with other things in it keeps its mode: `--data /tmp` must not close /tmp.
    """
    if folder.exists() and not folder.is_dir():
        raise NotALedger(f"{folder} is a file, and a ledger needs a folder")
    make_private(folder)
    if not any(folder.iterdir()):
        folder.chmod(_PRIVATE_FOLDER)
        sync_folder(folder.absolute().parent)


def refuse_links(*paths: Path) -> None:
    """NotALedger: one of these is a symbolic link. What it names would be written, emptied or removed in its place."""
    for path in paths:
        if path.is_symlink():
            raise NotALedger(f"{path} is a symbolic link: put what it names in its place, or remove it")


class FolderLock:
    """Held by the one process that writes. The system releases it when that process ends, also if it is killed."""

    def __init__(self, folder: Path) -> None:
        """LedgerInUse: another process holds it. NotALedger: the lock's file is a symbolic link to somewhere else."""
        refuse_links(folder / LOCK)
        self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _PRIVATE_FILE)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace")
            os.close(self._descriptor)
            raise LedgerInUse(f"the ledger in {folder} is in use by another process ({holder or 'unknown'})") from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let another process in."""
        os.close(self._descriptor)
