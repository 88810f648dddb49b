"""A data folder, opened: the ledger, the graph and the projector that keeps them equal. Server and CLI use this.

DIR/ledger.*          the ledger: the truth (`ingest.ledger.ledger` opens it)
DIR/graph/            the embedded store
DIR/derived.sqlite    what the projector remembers; rebuilt by replay, never the truth
DIR/drawings/         these two, since the graph was first drawn anew (`redrawing`)
DIR/targets/          the same of stores that are not inside the folder
DIR/publishing/       what `headwater publish` remembers of each place that it sends to (`ingest.publishing.state`)
DIR/naming.yaml       the naming rules, where a user has written some (`naming_file`)
DIR/server.json       where a running server answers; DIR/tokens.json: hashes of its tokens
DIR/tokens.log        what was done to tokens, when and by whom
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from gremlin_python.process.graph_traversal import __
from gremlin_python.process.traversal import Order, P, T
from gremlin_python.statics import long

from headwater.backoff import Backoff
from headwater.graphmodel.logic import aliases
from headwater.graphmodel.naming import DEFAULT, Rules, canonical
from headwater.graphmodel.renaming import name_pairs
from headwater.graphmodel.statements.model import SAME, statements_of
from headwater.graphstore import GraphStore, open_store, set_aside
from headwater.graphstore.embedded.store import EmbeddedStore
from headwater.graphstore.errors import Damaged, InUse, InvalidRequest, TransientError
from headwater.ingest.fold.file import Derived, Parked
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.folder.answering import Answering, Given, Position, Stats, counted
from headwater.ingest.folder.naming_file import rules_of
from headwater.ingest.folder.redrawing import Redrawing
from headwater.ingest.folder.stopping import Check
from headwater.ingest.folder.targets import is_own, lock, opened_at, own_folders, tables_of
from headwater.ingest.graph.decoding import Decoding, decoders, stated
from headwater.ingest.graph.following import BATCH
from headwater.ingest.graph.mark import read_mark
from headwater.ingest.graph.ownership import Ownership, place_of
from headwater.ingest.graph.projector import Beside, Projector
from headwater.ingest.graph.table_recovery import recover_tables
from headwater.ingest.intake.bridge import READ, WRITTEN
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.ledger.entries import NameEntry
from headwater.ingest.ledger.folder_lock import FolderLock, refuse_links
from headwater.ingest.ledger.ledger import Ledger, LedgerUnavailable, open_ledger
from headwater.ingest.progress import Progress
from headwater.queries.answers.errors import NodeNotFound
from headwater.queries.answers.impact import Impact
from headwater.queries.answers.shapes import Result
from headwater.queries.catalogue.catalogue import BY_NAME
from headwater.queries.tracing.as_of import PastTime, as_of
from headwater.queries.tracing.resolve import resolve

log = logging.getLogger(__name__)

#: Seconds in which a store that another process has open may become free, and between two looks.
_FREE_SECONDS, _FREE_POLL_SECONDS = 10.0, 0.05

#: How often a command tries to write before it says that the store is away: for about 12 seconds.
_ATTEMPTS = 8

_NICENESS = 10
#: Plans that are asked for the types of a dataset's columns.
_TYPED_BY = 5


#: What done to a dataset in an answer of this direction would add to the answer; both where it is none of these.
_MATTERS = {"upstream": WRITTEN, "downstream": READ}


class Service(Answering):
    """Made by `Service.open`; one process at a time has a data folder open. A context manager."""

    def __init__(  # noqa: PLR0913 - what a service is made of
        self,
        folder: Path,
        ledger: Ledger,
        store: GraphStore,
        derived: Derived,
        backoff: Backoff | None = None,
        ownership: Ownership | None = None,
        rules: Rules = DEFAULT,
        *,
        beside: Beside | None = None,
    ) -> None:
        """Use `Service.open`."""
        self.rules = rules
        self.folder = folder
        self.ledger = ledger
        self.store = store
        self.derived = derived
        self.projector = Projector(
            ledger, store, derived, backoff=backoff, ownership=ownership, rules=rules, beside=beside
        )
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock: FolderLock | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        store_url: str | None = None,
        *,
        follows: bool = False,
        take_over: bool = False,
        progress: Progress = lambda _done, _of: None,
        copy: Path | None = None,
        ledger: Ledger | None = None,
    ) -> Service:
        """Open a data folder, made where there is none.

        `follows`: another process writes the ledger, and this one reads it; a store that is away is waited for by the
        projector's thread, without end. A damaged embedded store is moved aside, said so in the log, and rebuilt from
        the ledger. `take_over`: write a remote graph even if another data folder does, which stops there. `progress`
        is told how many entries the tables beside a graph that was loaded in another way are worked out from. `copy`:
        the folder cannot be written; its graph is the one in this folder (`copying`), and its ledger is only read.
        `ledger`: one that is open, and lies elsewhere; it is closed with the service.

        InvalidRequest: naming.yaml is not right. NotALedger: one of the folders inside is a symbolic link.

        LedgerInUse, InUse: another process has the folder open; GraphTaken: another data folder writes the graph; other
        errors of the ledger and of the store as they are.
        """
        with ExitStack() as undo:
            rules = rules_of(folder)
            files = copy or folder
            refuse_links(*own_folders(files), tables_of(files, store_url).parent)
            ledger = ledger or open_ledger(folder, readonly=follows or copy is not None)
            undo.callback(ledger.close)
            store, rebuilt = _open_store(lambda: opened_at(files, store_url))
            undo.callback(store.close)
            locked = lock(folder, store_url) if store_url and not is_own(files, store_url) else None
            if locked:
                undo.callback(locked.release)
            derived = Derived.open(tables_of(files, store_url))
            undo.callback(derived.close)
            if rebuilt:
                derived.clear()
            backoff = Backoff(attempts=None if follows else _ATTEMPTS)
            ownership = Ownership(store, ledger.id, place_of(folder), take_over=take_over)
            whole = True
            if locked:  # before there is a projector, since the file of the tables may be made anew
                with suppress(TransientError):  # `prepare` meets it again
                    whole = _tables_recovered(
                        ledger, store, derived, tables_of(files, store_url), ownership, rules, progress
                    )
            beside = None
            if is_own(files, store_url) and isinstance(store, EmbeddedStore):
                beside = Redrawing(files, store, derived)
            service = cls(folder, ledger, store, derived, backoff, ownership, rules, beside=beside)
            service._lock = locked
            try:
                if not whole:
                    service.projector.rebuild()
                service.projector.prepare()
            except TransientError as error:
                if not follows:
                    raise
                log.warning("the graph store is away; what comes is kept until it is back: %s", error)
            undo.pop_all()
        return service

    def __enter__(self) -> Service:  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self, no_memory: Callable[[MemoryError], object]) -> None:
        """Bring new entries into the graph from a thread of its own, until `close`.

        `no_memory` is called in that thread, and has to end the process: there was not enough for the batch in hand.
        """
        self._thread = threading.Thread(target=self._project, args=(no_memory,), name="projector", daemon=True)
        self._thread.start()

    def _project(self, no_memory: Callable[[MemoryError], object]) -> None:
        """On Linux a thread has a priority of its own: lowered, so that receiving and answering come first."""
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
        try:
            self.projector.run(self._stop)
        except MemoryError as error:
            no_memory(error)

    def close(self) -> None:
        """Stop the projector after the batch that it is writing, and close everything; the ledger has what is left."""
        self._stop.set()
        self.projector.wake()
        if self._thread is not None:
            self._thread.join()
        self.projector.give_back()
        self.store.close()
        self.derived.close()
        self.ledger.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def settle(self, progress: Progress = lambda _done, _of: None) -> None:
        """Wait until all entries that there are now are in the graph, and nothing erased; for one that was started."""
        end = self.ledger.head().sequence
        while self.projector.lost is None and not self.projector.wait_settled(end, 1.0):
            progress(self.projector.reached, end)

    def catch_up(self, progress: Progress | None = None) -> int:
        """Bring all entries into the graph, in this thread; how many. After an erasure the graph is drawn anew."""
        done = self._step_through(progress)
        if self.projector.needs_rebuild:
            self.projector.rebuild()
            done += self._step_through(progress)
        return done

    def _step_through(self, progress: Progress | None) -> int:
        total, done = self.projector.lag(), 0
        while taken := self.projector.step(BATCH):
            done += taken
            if progress is not None:
                progress(done, max(total, done))
        return done

    def missing(self, name: str, given: Given, answer: Result) -> str | None:
        """The ledger's file is gone, or an entry of it is set aside that may say something about what was asked."""
        try:
            self.ledger.check_place()
        except LedgerUnavailable:
            return "ledger"
        unreadable = self.derived.unreadable()  # damaged: what it says is in no answer
        if unreadable is not None:
            return f"entry {unreadable} cannot be read"
        parked = self._parked_about(name, given, answer) if answer.complete else None
        return None if parked is None else f"entry {parked} is parked"

    def _parked_about(self, name: str, given: Given, answer: Result) -> int | None:
        """The first entry that is set aside and may say something about what was asked, or is in the answer.

        A question without a node is about everything.
        """
        if not self.derived.names_parked():
            return None
        asked = self._datasets_asked(name, given)
        direction = "downstream" if isinstance(answer, Impact) else getattr(answer, "direction", None)
        about = asked | _datasets_in(answer.to_dict()) if asked else None
        return self.derived.parked_about(about, _MATTERS.get(direction or ""))

    def _datasets_asked(self, name: str, given: Given) -> set[str]:
        """The datasets of the nodes in a question."""
        nodes = {parameter.name for parameter in BY_NAME[name].parameters if parameter.type == "node"}
        asked = {str(value).partition("#")[0] for key, value in given if key in nodes and value is not None}
        return asked | {canonical(spelling, self.rules) for spelling in asked}

    @contextmanager
    def explaining(self, name: str, given: Given) -> Iterator[None]:
        """Of a node that is not found, say so if an entry that may name it is set aside."""
        try:
            yield
        except NodeNotFound as error:
            if type(error) is not NodeNotFound or not self.derived.names_parked():
                raise
            parked = self.derived.parked_about(self._datasets_asked(name, given))
            if parked is None:
                raise
            sentence = f"{error.message}; entry {parked}, which may name it, is parked: headwater parked"
            raise NodeNotFound(sentence, error.field, error.suggestions) from error

    def drawing(self) -> int | None:
        """Which drawing of the graph is asked now; None while it is not whole.

        The number is read first: the projector says that it rebuilds, counts, and only then removes anything.
        """
        drawing = self.projector.drawings
        return None if self.projector.rebuilding else drawing

    def entry(self, plan: str) -> int | None:
        """The ledger entry with a payload of this plan; None if there is no such plan. GraphRebuilding."""
        try:
            with self.looking_up():
                return self._body_of(plan).sequence
        except NodeNotFound:
            return None

    def name_entry(self, name: str, dataset: str) -> NameEntry | None:
        """The first ledger entry that gives the dataset this other name; None if none does.

        A statement that the two are the same comes first, then what a system lists, then plans. Decodes plans.
        """
        listing: NameEntry | None = None
        for entry, said in stated(self.ledger, self.rules):
            for one in statements_of(said):
                if (one.kind, one.subject, one.value, one.withdrawn) == (SAME, name, dataset, False):
                    return NameEntry(entry.sequence, entry.kind, one.source)
                if listing is None and (name, dataset) in name_pairs(one):
                    listing = NameEntry(entry.sequence, entry.kind, one.source)
        if listing is not None:
            return listing
        decoding = Decoding(self.ledger, decoders(self.rules), self.rules)
        mentioning = {sequence for sequence, told in self.derived.summaries() if dataset in (told.target, *told.inputs)}
        for sequence in sorted(mentioning):
            found = self.ledger.entry(sequence)
            plans = decoding.batch([found]).plans if found is not None else ()
            if found is not None and any((name, dataset) in aliases(mapped.plan) for mapped in plans):
                return NameEntry(sequence, found.kind, "")
        return None

    def _body_of(self, plan: str) -> BodyRef:
        ref = self.derived.body_of_logic(plan)
        if ref is None:
            raise NodeNotFound(f"there is no plan {plan[:200]!r}", "plan")
        return ref

    def types(self, plan: str) -> dict[str, str]:
        """The types of a plan's output columns by name; none if its payload was erased or does not say them.

        NodeNotFound: there is no such plan. GraphRebuilding.
        """
        with self.looking_up():
            ref = self._body_of(plan)
        entry = self.ledger.entry(ref.sequence)
        if entry is None or entry.body is None or entry.kind not in BRIDGES:
            return {}
        return BRIDGES[entry.kind].output_types(entry.body, entry.content_type, ref.index)

    def column_types(self, dataset: str, until: str | None = None) -> tuple[str, dict[str, str]]:
        """The id of a dataset, and Spark's types of its columns by name in lower case, as far as payloads say them.

        They are those of the plans that wrote it, the one that ran last first; of a dataset that no plan writes, those
        of the plans that read it. `until`, a time or a run: only what ran until then counts. NodeNotFound,
        GraphRebuilding, QueryError: see `ask`.
        """
        with self.looking_up():
            node = resolve(self.store.g, dataset, ("dataset",), "dataset", self.rules)
            moment = as_of(self.store.g, until, "asOf", time.time_ns() // 1_000_000)
        last = moment.of_dataset(node) if isinstance(moment, PastTime) else None
        written: dict[str, str] = {}
        for plan in self._plans(node, "writes", last):
            written = {**self.types(plan), **written}
        if written:
            return node, written
        read: dict[str, str] = {}
        for plan in self._plans(node, "reads", last):
            entry = self.ledger.entry(self._body_of(plan).sequence)
            if entry is not None and entry.body is not None and entry.kind in BRIDGES:
                ref = self._body_of(plan)
                types = BRIDGES[entry.kind].input_types(entry.body, entry.content_type, ref.index, rules=self.rules)
                read = {**types.get(node, {}), **read}
        return node, read

    def _plans(self, dataset: str, role: str, until: int | None) -> list[str]:
        """Those that write or read a dataset, the one that ran last first; not many, since each is looked up.

        Runs after `until` (ms since 1970) do not count.
        """
        ran, plans = __.in_("executes"), self.store.g.V(dataset).in_(role)
        if until is not None:
            ran = ran.has("timestamp", P.lte(long(until)))
            plans = plans.where(__.in_("executes").has("timestamp", P.lte(long(until))))
        last = __.coalesce(ran.values("timestamp").max_(), __.constant(0))
        found = plans.order().by(last, Order.desc).by(T.id).limit(_TYPED_BY)
        return [str(plan) for plan in found.id_().to_list()]

    def parked(self, after: int = 0, limit: int = -1) -> list[Parked]:
        """The entries that could not be brought into the graph, by sequence; see `Derived.parked`."""
        return self.projector.parked(after, limit)

    def snapshots(self, source: str) -> dict[str, tuple[int, str]]:
        """The last snapshot of each scope of a source, in the graph: see `Derived.snapshots`."""
        return self.derived.snapshots(source)

    @property
    def position(self) -> Position:
        """How far this process has brought the graph."""
        return self.projector

    def position_now(self) -> Position:
        """The same: nobody else writes it."""
        return self.projector

    def lag(self) -> int | None:
        """How many entries are not yet in the graph. Errors of the ledger."""
        return self.projector.lag()

    def last_entry(self) -> int | None:
        """The last entry of the ledger."""
        return self.ledger.head().sequence

    def ready_facts(self) -> dict[str, Any]:
        """What `/ready` says: `readiness`, and whether the graph is being drawn anew."""
        lag, entries = self.readiness()
        return {"entries": entries, "lag": lag, "rebuilding": self.projector.rebuilding}

    def readiness(self) -> tuple[int, int]:
        """How many entries are not yet in the graph, and how many there are.

        Raises what makes the graph unready: errors of the store; GraphTaken, another place writes it now.
        """
        if self.projector.lost:
            raise self.projector.lost
        read_mark(self.store)
        return self.projector.lag(), self.ledger.count()

    def stats(self, check: Check | None = None) -> Stats:
        """What there is; `check` as of `ask`."""
        answer = self.ask("stats", {"limit": 1_000}, check)
        vertices, edges = counted(answer)
        return Stats(
            entries=self.ledger.count(),
            lag=self.projector.lag(),
            parked=self.projector.parked_count(),
            waiting=self.projector.waiting(),
            vertices=vertices,
            edges=edges,
            rebuilding=answer.reason == "rebuilding",
            outcomes=self.derived.outcomes(),
        )


def _datasets_in(answer: Mapping[str, Any]) -> set[str]:
    """Whatever in an answer may be a dataset, or a column of one."""
    found: set[str] = set()
    waiting: list[Any] = [answer]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            found.add(node.partition("#")[0])
        elif isinstance(node, Mapping):
            waiting += node.values()
        elif isinstance(node, list | tuple):
            waiting += node
    return found


def _tables_recovered(
    ledger: Ledger,
    store: GraphStore,
    derived: Derived,
    file: Path,
    ownership: Ownership,
    rules: Rules,
    progress: Progress,
) -> bool:
    """Work out the tables of a graph that came into the store in another way; False: it is not whole, rebuild it.

    GraphTaken: another data folder writes it. `file` is that of `derived`.
    """
    ownership.refuse_if_taken(read_mark(store))
    try:
        recover_tables(ledger, store, derived, file, progress, rules)
    except InvalidRequest as error:
        log.warning("the graph is rebuilt: %s", error)
        return False
    return True


def _open_store(place: Callable[[], str]) -> tuple[GraphStore, bool]:
    """The store, and whether it is empty because the one that was there is damaged. `place` gives its URL by now."""
    try:
        return _when_free(place), False
    except Damaged as error:
        url = place()
        aside = set_aside(url)
        log.warning("the graph store is damaged (%s); it was moved to %s and is rebuilt from the ledger", error, aside)
        return open_store(url), True


def _when_free(place: Callable[[], str]) -> GraphStore:
    """The store, waited for: the graph process of a server that was killed ends a moment after the server."""
    end = time.monotonic() + _FREE_SECONDS
    while True:
        try:
            return open_store(place())
        except InUse:
            if time.monotonic() >= end:
                raise
            time.sleep(_FREE_POLL_SECONDS)
