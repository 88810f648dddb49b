"""Replaying a ledger into another store: how a graph moves, and how it is kept up to date there by hand.

DIR/targets/<hash of the URL>/derived.sqlite remembers what is there, so that the next time goes on where this one
ended. For a graph that came by another way (Neptune's bulk loader) it is worked out first, and nothing is written
before it fits what the graph says of itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from graphmodel.delta import digest
from graphmodel.vocabulary import LEDGER
from graphstore import GraphStore, open_store
from graphstore.blank import BlankStore
from graphstore.errors import Refused
from ingest.decoding import Decoding, spline_decoders
from ingest.derived import FILE, Derived
from ingest.derived_scan import scanning
from ingest.ledger import ERASURE, Ledger, LedgerInUse
from ingest.ledger_file import FolderLock, prepare_folder
from ingest.projector import BATCH, GAP, OtherLedger, Projector
from ingest.verify import now_ms

_ADOPTING = "adopting"  #: set while the tables of a graph that is there are being worked out

Progress = Callable[[int, int], None]  #: (done, of)


@dataclass(frozen=True)
class Replayed:
    """What was done: entries `written`, entries `known` that the graph had and that were only worked out.

    `applied` is the last entry in the graph now, `parked` how many could not be brought into it.
    """

    written: int
    known: int
    applied: int
    parked: int


def replay_into(folder: Path, url: str, progress: Progress, *, fresh: bool = False) -> Replayed:
    """Bring all entries of a data folder's ledger into the store at `url`, from where the last time ended.

    The ledger may have a server on it: entries that come meanwhile are replayed as well. `fresh` empties the store
    first. Refused: the store holds something that is no whole graph of this ledger; OtherLedger; LedgerInUse: another
    replay goes there. Errors of the ledger and of the store as they are.
    """
    with _opened(folder, url) as target:
        return target.replay(progress, fresh=fresh)


@contextmanager
def _opened(folder: Path, url: str) -> Iterator[_Target]:
    with ExitStack() as undo:
        ledger = undo.enter_context(Ledger.open(folder, clock=now_ms, readonly=True))
        place = folder / "targets" / digest(_named(url))
        prepare_folder(place)
        try:
            undo.callback(FolderLock(place).release)
        except LedgerInUse as error:
            raise LedgerInUse(f"another process replays {folder} into {url}") from error
        store = undo.enter_context(open_store(url))
        derived = Derived.open(place / FILE)
        undo.callback(derived.close)
        yield _Target(ledger, store, derived, place / FILE, url)


def _named(url: str) -> str:
    """The same store by the same name, wherever one stands."""
    scheme, _, path = url.partition(":")
    return f"embedded:{Path(path).expanduser().resolve()}" if scheme == "embedded" else url.rstrip("/")


@dataclass(frozen=True)
class _Target:
    ledger: Ledger
    store: GraphStore
    derived: Derived
    tables: Path
    url: str

    def replay(self, progress: Progress, *, fresh: bool) -> Replayed:
        known = 0
        if fresh:
            self.derived.clear()
            self.store.clear()
        else:
            known = self._prepare(progress)
        projector = Projector(self.ledger, self.store, self.derived)
        written = _step_through(projector, progress, known)
        if projector.needs_rebuild:  # an entry was erased that the graph still shows
            projector.rebuild()
            written += _step_through(projector, progress, known)
        return Replayed(written, known, projector.checkpoint, len(projector.parked()))

    def _prepare(self, progress: Progress) -> int:
        """See to it that the tables fit the graph; how many entries that took."""
        applied, ledger = self._mark()
        if ledger is None:
            self._refuse_unless_begun()
            return 0
        if ledger != self.ledger.id:
            raise OtherLedger(f"{self.url} holds the graph of the ledger {ledger}, not of {self.ledger.id}")
        if applied > self.ledger.head().sequence:
            raise Refused(
                f"{self.url} is at entry {applied}, and the ledger here ends before that: it is an older copy"
            )
        if not self._fits(applied):
            self._adopt(applied, progress)
            return applied
        return 0

    def _fits(self, applied: int) -> bool:
        """Whether the tables are of this graph, and as near to it as the projector makes good."""
        whole = self.derived.meta("ledger") == self.ledger.id and not self.derived.meta(_ADOPTING)
        return whole and 0 <= applied - self.derived.checkpoint <= GAP

    def _mark(self) -> tuple[int, str | None]:
        """What the graph says of itself: how far it has read which ledger."""
        for found in self.store.g.V(LEDGER).element_map("applied", "ledgerId").to_list():
            return int(found.get("applied", 0)), str(found["ledgerId"])
        return 0, None

    def _refuse_unless_begun(self) -> None:
        """A graph without a mark is another's, or was loaded in part; unless a first replay was cut off at once."""
        begun = self.derived.meta("ledger") and not self.derived.checkpoint
        if not begun:
            if self.store.g.V().limit(1).id_().to_list():
                raise Refused(
                    f"{self.url} is not empty, and does not say that it is a whole graph: a load that did not end, or"
                    " another's graph. --fresh empties it first"
                )
            self.derived.clear()

    def _adopt(self, applied: int, progress: Progress) -> None:
        """Work the tables out up to the entry that the graph is at, without writing, and compare the two."""
        self.derived.clear()
        self.derived.set_meta(_ADOPTING, "1")
        projector = Projector(self.ledger, BlankStore(), self.derived)
        projector.check()
        # What was erased after the graph was made is still in it: its erasure asks for a rebuild.
        self.derived.set_meta("replayed", str(applied))
        while (missing := applied - projector.checkpoint) > 0:
            projector.step(min(BATCH, missing))
            progress(projector.checkpoint, self.ledger.head().sequence)
        wrong = self._miscounted()
        if wrong and not self._erased_since(applied):
            raise Refused(
                f"{self.url} says that it is whole, and has {wrong}: a load failed in part, or another version made it."
                " --fresh empties it and draws it anew"
            )
        self.derived.set_meta(_ADOPTING, "")

    def _erased_since(self, after: int) -> bool:
        """Whether the graph shows what was erased after it was made; if so, it is drawn anew in any case."""
        while entries := self.ledger.read(after, BATCH):
            if any(entry.kind == ERASURE for entry in entries):
                return True
            after = entries[-1].sequence
        return False

    def _miscounted(self) -> str | None:
        """A label of which the graph has not as many elements as it says; None if there is none."""
        found = Counter(self.store.counts())
        del found[LEDGER]
        expected: Counter[str] = Counter()
        decoding = Decoding(self.ledger, spline_decoders())
        with scanning(self.tables, self.ledger.id, decoding.plan_at) as scan:
            for part in scan.parts():
                expected.update(vertex.label for vertex in part.vertices)
                expected.update(edge.label for edge in part.edges)
        for label in sorted(found.keys() | expected.keys()):
            if found[label] != expected[label]:
                return f"{found[label]:,} of {expected[label]:,} {label}"
        return None


def _step_through(projector: Projector, progress: Progress, before: int) -> int:
    total, done = projector.lag(), 0
    while taken := projector.step(BATCH):
        done += taken
        progress(before + done, before + max(total, done))
    return done
