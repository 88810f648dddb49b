"""Does a ledger still hold what it was given? And the anchor: a head that is kept elsewhere, to check against later.

The chain shows that an entry was altered, dropped or moved (`chain.ChainCheck`). That the newest ones were cut off, or
that everything was rewritten from some entry on, only shows against an anchor: a small JSON file that an earlier check
wrote, and that is kept where whoever can write to the ledger cannot write.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from headwater.ingest.ledger.chain import ChainCheck, Problem, start
from headwater.ingest.ledger.entries import Head, LedgerDamaged, LedgerError, NotALedger
from headwater.ingest.ledger.ledger import holds_ledger, now_ms, open_reader
from headwater.ingest.ledger.port import LedgerReader
from headwater.ingest.ledger.sqlite.file import locate
from headwater.ingest.places.file_storage import sync_folder
from headwater.ingest.progress import Progress

_STEP = 200  # entries between two reports of progress


@dataclass(frozen=True)
class Report:
    """What a check found. `entries` is how many there are before the first problem: all of them, if there is none."""

    entries: int
    erased: int  #: how many of these have no body, and an entry that says that it was erased
    head: Head  #: the last of these
    first_problem: Problem | None = None

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return self.first_problem is None


@dataclass(frozen=True)
class Anchor:
    """A ledger's id, and its head as an earlier check saw it."""

    ledger: str
    head: Head


def verify(
    place: Path,
    anchor: Path | None = None,
    *,
    progress: Progress = lambda _done, _total: None,
    clock: Callable[[], int] = now_ms,
    known: Anchor | None = None,
) -> Report:
    """Check the ledger in a data folder, or a backup's file, also while a server writes to it.

    An `anchor` file that exists must name an entry of this ledger. If all is well, it is written with the new head.
    `clock` gives ms since 1970, for the anchor. `known` is what the graph beside the ledger has of it: a ledger that is
    another one, or ends before that, is a finding. LedgerError: there is nothing that could be checked, or the anchor
    cannot be read or written.
    """
    try:
        with open_reader(place) as ledger:
            return verify_reader(ledger, anchor, progress=progress, clock=clock, known=known)
    except (NotALedger, LedgerDamaged) as error:
        begun = place.is_dir() and holds_ledger(place) and (known is not None or locate(place).stat().st_size > 0)
        if not begun:  # nothing is there, or a file whose making was interrupted before the first entry
            raise
        nothing = Head(0, "")
        return Report(0, 0, nothing, Problem(0, str(error), nothing))


def verify_reader(
    ledger: LedgerReader,
    anchor: Path | None = None,
    *,
    progress: Progress = lambda _done, _total: None,
    clock: Callable[[], int] = now_ms,
    known: Anchor | None = None,
) -> Report:
    """`verify` for a ledger that is open, wherever it lies."""
    recorded = read_anchor(anchor) if anchor and anchor.exists() else None
    report = check_ledger(ledger, recorded, progress)
    if report.ok and known is not None:
        report = _compared(ledger, report, known)
    if anchor and report.ok:
        write_anchor(anchor, Anchor(ledger.id, report.head), clock())
    return report


def _compared(ledger: LedgerReader, report: Report, known: Anchor) -> Report:
    """The report on a ledger that is in order in itself, and perhaps not the one that the graph was drawn from."""
    begin = start(ledger.id)
    if known.ledger != ledger.id:
        sentence = f"the graph beside it was drawn from another ledger ({known.ledger}), which was removed or replaced"
    elif known.head.sequence > report.head.sequence:
        sentence = (
            f"the end was cut off, or an older copy put in its place: the graph has entry {known.head.sequence}, the"
            f" ledger ends at {report.head.sequence}"
        )
    else:
        return report
    return Report(0, 0, begin, Problem(0, sentence, begin))


def check_ledger(
    ledger: LedgerReader, anchor: Anchor | None = None, progress: Progress = lambda _done, _total: None
) -> Report:
    """Check all entries of a ledger, whatever stores it. LedgerUnavailable: it cannot be read at this moment."""
    begin = start(ledger.id)
    if anchor and anchor.ledger != ledger.id:
        return Report(0, 0, begin, Problem(0, "the anchor was recorded for another ledger", begin))
    check = ChainCheck(begin, anchor.head if anchor else None)
    try:
        done, total = 0, ledger.head().sequence
        for done, entry in enumerate(ledger.stored(), start=1):
            check.add(entry)
            if done % _STEP == 0:
                progress(done, max(done, total))
        if done % _STEP:
            progress(done, done)
        problems = check.finish()
    except LedgerDamaged as error:  # what was not read may say that a missing body was erased, so these are not judged
        problems = check.problems or [Problem(check.reached.sequence + 1, str(error), check.reached)]
    if problems:
        first = problems[0]
        return Report(first.before.sequence, check.without_body, first.before, first)
    return Report(check.reached.sequence, check.without_body, check.reached)


def read_anchor(path: Path) -> Anchor:
    """LedgerError: the file is no anchor."""
    try:
        found = json.loads(path.read_bytes())
        return Anchor(str(found["ledger"]), Head(int(found["sequence"]), str(found["hash"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"{path} is not an anchor (JSON with ledger, sequence and hash)") from error


def write_anchor(path: Path, anchor: Anchor, now_ms: int) -> None:
    """Replace the file as a whole, durably: an interrupted write leaves the old one. LedgerError: it cannot."""
    when = datetime.fromtimestamp(now_ms / 1000, timezone.utc).isoformat(timespec="milliseconds")
    content = {"ledger": anchor.ledger, "sequence": anchor.head.sequence, "hash": anchor.head.hash, "when": when}
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        sync_folder(path.absolute().parent)
    except OSError as error:
        raise LedgerError(f"the anchor {path} cannot be written: {error.strerror}") from error


# what was checked when ------------------------------------------------------------------------------------------------

#: In a data folder: when its ledger was last checked, and what came of it.
CHECKED_FILE = "verified.json"


def note_check(folder: Path, report: Report, now_ms: int, anchor: Path | None = None) -> None:
    """Note in a data folder that its ledger was checked. Whoever may only read the folder checks without a note.

    With an `anchor`, which now says where the ledger ends, that too; without one, the last one that was noted stays.
    """
    new = folder / f".{CHECKED_FILE}"
    if not os.access(folder, os.W_OK):
        return
    head = report.head
    anchored = {"at": now_ms, "file": str(anchor), "sequence": head.sequence, "hash": head.hash}
    with suppress(OSError):
        noted: dict[str, Any] = {"at": now_ms, "ok": report.ok, "entries": report.entries}
        noted["anchor"] = anchored if anchor and report.ok else (_noted(folder) or {}).get("anchor")
        new.write_text(json.dumps(noted), encoding="utf-8")
        new.replace(folder / CHECKED_FILE)


def _noted(folder: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        noted = json.loads((folder / CHECKED_FILE).read_text(encoding="utf-8"))
        return noted if isinstance(noted, dict) else None
    return None


def ledger_facts(folder: Path) -> dict[str, object]:
    """The `bytes` of a data folder's ledger, and when it was `verified`, or None: see `note_check`.

    ``{"at" (ms), "ok", "entries", "anchor": None or {"at" (ms), "file", "sequence", "hash"}}``.
    """
    size = 0
    with suppress(OSError):  # a file that is gone between the two looks
        size = sum(file.stat().st_size for file in folder.glob("ledger*") if file.is_file())
    return {"bytes": size, "verified": _noted(folder)}
