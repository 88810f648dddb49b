"""Snapshots of what an ingester has on its local disk, so that a new machine goes on within a minute.

    PLACE/snapshot.json           which files belong together, and up to which entry; written last
    PLACE/<number>/known.sqlite   which bytes the ledger has (`ingest.ledger.known_bodies`)
    PLACE/<number>/derived.sqlite the derived tables of the graph (`ingest.fold.file`)

Nothing here is the truth: without a snapshot both are made anew from the ledger, which takes longer. Each file is whole
and may be behind the ledger and the graph; what came since is worked out from the ledger.
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headwater.aws_bridge.session import AwsError
from headwater.ingest.fold.file import FORMAT as TABLES_FORMAT
from headwater.ingest.fold.file import copy_of, meta_of
from headwater.ingest.folder.targets import tables_of
from headwater.ingest.ledger.folder_lock import prepare_folder
from headwater.ingest.ledger.known_bodies import FILE as KNOWN_FILE
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.places.file_storage import ObjectStorage

log = logging.getLogger(__name__)

SNAPSHOT = "snapshot.json"
_DERIVED_FILE = "derived.sqlite"
_CHUNK = 2**20


@dataclass(frozen=True)
class Snapshots:
    """Where they are kept, and which files on this machine they are of."""

    place: ObjectStorage
    folder: Path  #: the data folder
    work: Path  #: that of the `SegmentLedger`
    store: str | None  #: URL of the graph store

    @property
    def _tables(self) -> Path:
        return tables_of(self.folder, self.store)

    def save(self, ledger: SegmentLedger) -> int:
        """Make a snapshot, beside whoever writes; the entry that the derived tables are at. AwsError, OSError.

        sqlite3.Error: the tables cannot be read.
        """
        with self.place.scratch() as scratch:
            known = ledger.copy_known_to(scratch / KNOWN_FILE)
            copy_of(self._tables, scratch / _DERIVED_FILE)
            at = int(meta_of(scratch / _DERIVED_FILE).get("checkpoint") or 0)
            before = self._newest()
            folder = f"{max(known.sequence, at):012}"
            for name in (KNOWN_FILE, _DERIVED_FILE):
                self.place.put(f"{folder}/{name}", scratch / name)
        said = {"ledger": ledger.id, "folder": folder, "known": known.sequence, "derived": at, "format": TABLES_FORMAT}
        self.place.write(SNAPSHOT, json.dumps({**said, "store": self.store}).encode())
        if before and before.get("folder") != folder:
            self.place.remove(*(f"{before['folder']}/{name}" for name in (KNOWN_FILE, _DERIVED_FILE)))
        return at

    def restore(self) -> None:
        """Fetch what is missing on this machine. AwsError, OSError.

        Files that are here stay: they are as new as a snapshot of this machine, or are brought up from the ledger.
        """
        found = self._newest()
        if found is None or found.get("store") != self.store:
            return
        for name, path in ((KNOWN_FILE, self.work / KNOWN_FILE), (_DERIVED_FILE, self._tables)):
            if path.exists() or (name == _DERIVED_FILE and found.get("format") != TABLES_FORMAT):
                continue
            prepare_folder(path.parent)
            draft = path.with_name(f".{path.name}.fetched")
            with self.place.open(f"{found['folder']}/{name}") as source, draft.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
            draft.replace(path)
            log.info("%s was fetched from the snapshot in %s", path.name, self.place)

    def _newest(self) -> dict[str, object] | None:
        with suppress(FileNotFoundError, ValueError):
            found = json.loads(self.place.read(SNAPSHOT))
            return found if isinstance(found, dict) else None
        return None


def try_to_restore(snapshots: Snapshots) -> None:
    """`restore`, or a line in the log that says why all is made anew."""
    try:
        snapshots.restore()
    except (AwsError, OSError) as error:
        log.warning("no snapshot could be fetched, so all is worked out from the ledger: %s", error)
