"""The embedded store: graphersal in this process, durable in one folder, behind gremlinpython.

The only file that runs the engine. One process owns the folder; the engine holds the whole graph in memory.
Reads run in parallel; a write waits for them and they for it. Every commit is on disk before it returns.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import graphersal
from graphersal import AccessPolicy
from gremlin_python.driver.remote_connection import RemoteConnection, RemoteTraversal
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import GraphTraversalSource
from gremlin_python.process.traversal import Bytecode, T, Traverser

from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.embedded.bytecode import TOO_LARGE, Bounds, Script, script_of
from headwater.graphstore.embedded.results import results_of
from headwater.graphstore.embedded.turns import Turns
from headwater.graphstore.embedded.writes import script_of_deltas, script_of_existing
from headwater.graphstore.errors import (
    Damaged,
    EngineFailed,
    Exceeded,
    InUse,
    InvalidRequest,
    PermanentError,
    ReadOnly,
    StepFailed,
    StoreError,
    TimedOut,
    TransientError,
)
from headwater.graphstore.port import Guard
from headwater.temporary import TemporaryFolder

READ_TIMEOUT = 30_000  #: ms that one query may take
_TRAVERSERS = 2_000_000  #: at one moment, in a question that a user wrote: some 300 MB, if each has a path
_PROBE = 'g.with("memory.limit",1).inject(1).toList()'  #: fails, and says how many bytes the engine holds
_HELD = re.compile(r"reached (\d+)")
#: The engine's own options are set by this file alone: no step of a query can name one.
_READ = AccessPolicy(("read", "data"), ("update", "option"))
_WRITE = AccessPolicy(("read", "data"), ("create", "data"), ("update", "data"), ("delete", "data"))
_CLEAR_CHUNK = 20_000


class EmbeddedStore:
    """A graph in a folder (mode 0700), made where there is none. See `graphstore.port.GraphStore` for its promises."""

    atomic = True

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._readonly = readonly
        self._closed = False
        self._failed = False  #: a commit could not be written; the engine refuses all others until it is reopened
        self._lock = threading.Lock()  #: held by who writes, reopens or closes; readers need none
        self._engine: _Engine | None = None  #: None while it is reopened
        self._turns = Turns()  #: of bounded questions and writes
        self._heap = 0  #: bytes that the engine held when no bounded question was under way
        self._open()
        self._g = traversal().with_remote(_Connection(self))

    def _open(self) -> None:
        self._store = _open(self.path, create=not self._readonly)
        self._engine = _Engine(self._store)
        _return_memory()

    @property
    def g(self) -> GraphTraversalSource:
        """The source of every query: read-only, each query bounded by READ_TIMEOUT."""
        return self._g

    @property
    def latest(self) -> GraphTraversalSource:
        """The same as `g`: every read sees every write that has returned."""
        return self._g

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], *, only_if: Guard | None = None) -> None:
        """Write all the deltas as one unit and one fsync."""
        many = [deltas] if isinstance(deltas, GraphDelta) else deltas
        self._write(lambda: script_of_deltas(many, self._existing))

    def _existing(self, ids: list[str]) -> list[str]:
        """Those of these vertices that are there."""
        found: list[str] = self._execute(script_of_existing(ids), _READ, atomic=False)
        return found

    def clear(self) -> None:
        """Remove everything, in chunks: a crash leaves a part."""
        while self._g.V().limit(1).to_list():
            self._write(lambda: script_of(self._g.V().limit(_CLEAR_CHUNK).drop().none().bytecode))

    def counts(self) -> dict[str, int]:
        """How many vertices and edges there are, by label; costs what there are labels."""
        vertices = self._g.V().group_count().by(T.label).next()
        return {**vertices, **self._g.E().group_count().by(T.label).next()}

    def checkpoint(self) -> None:
        """Write a snapshot and drop the log before the one before it. Needs the graph's size in memory once more.

        Reads and writes go on. Opening replays the log since the last snapshot: worth it once that has grown well
        beyond the graph, not after each load (a million elements: 3 s from the log alone, 2.7 s from a snapshot).
        """
        with _translated():
            snapshot = self._store.checkpoint()
            self._store.prune(snapshot["commit_seq"])
        _return_memory()

    def take_over(self, other: EmbeddedStore, then: Callable[[], object]) -> None:
        """Be the store that `other` is: the next traversal, from any thread, is answered from its graph.

        The one that was here is closed when the last traversal in it has ended; then `then` is called, in the thread
        where that happens. `other` is not to be used any more.
        """
        with self._lock, other._lock:
            old, self._engine = self._engine, other._engine
            self.path, self._store, self._failed = other.path, other._store, other._failed
            other._closed = True
        if old is None:
            then()
        else:
            old.retire(then)
        _return_memory()

    def close(self) -> None:
        """Close the store; its lock is gone afterwards."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._release()

    def _release(self) -> None:
        """Close the engine's store. After a failed commit it says so once more: what counted was raised then."""
        try:
            with _translated():
                self._store.close()
        except StoreError:
            if not self._failed:
                raise

    def __enter__(self) -> EmbeddedStore:  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def run(self, bytecode: Bytecode, *, timeout: int = READ_TIMEOUT, most: int | None = None) -> list[Any]:
        """The results of one read-only traversal, `most` of them; Exceeded after `timeout` (ms)."""
        if self._engine is None:
            self._reopen_unless_busy()
        script = script_of(bytecode, timeout=timeout, most=most, changes=False)
        return results_of(script, self._execute(script, _READ, atomic=False))

    def run_bounded(self, bytecode: Bytecode, *, timeout: int, most: int, memory: int, answer: int) -> list[Any]:
        """As `run`, of a traversal that a user wrote: it may ask for anything.

        All such questions together may take `memory` bytes beside the graph, and each results of about `answer`
        bytes: Exceeded. While one is under way writes wait, outside the engine: a write that waits inside it keeps
        every other question waiting. Behind a write that waits, bounded questions wait.
        """
        if self._engine is None:
            self._reopen_unless_busy()
        with self._turns.shared() as alone:
            if alone:
                self._heap = self._held()
            bounds = Bounds(self._heap + memory, _TRAVERSERS, answer)
            script = script_of(bytecode, timeout=timeout, most=most, changes=False, bounds=bounds)
            with _of_user():
                return results_of(script, self._execute(script, _READ, atomic=False))

    def _held(self) -> int:
        """How many bytes the engine holds. It says so alone to a traversal that may hold none."""
        try:
            self._execute(Script(_PROBE), _READ, atomic=False)
        except Exceeded as error:
            found = _HELD.search(str(error))
            if found:
                return int(found[1])
        raise PermanentError("the engine does not say how much memory it holds")

    def _write(self, made: Callable[[], Script]) -> None:
        """Write the changes; their script is `made` while nobody else can write."""
        if self._readonly:
            raise InvalidRequest("the store was opened read-only")
        with self._lock:
            if self._failed:
                with self._turns.alone():
                    self._recover()
            script = made()
            if not script.text:
                return
            with self._turns.alone():
                try:
                    self._execute(script, _WRITE, atomic=True)
                except (TransientError, EngineFailed):
                    self._failed = True
                    raise

    def _recover(self) -> None:
        """Open the store again: after a full disk the engine needs that to commit. Readers get `TransientError`."""
        self._engine = None
        self._release()
        self._open()
        self._failed = False

    def _reopen_unless_busy(self) -> None:
        """What a failed `_recover` left closed. Whoever writes asks first, so a write alone would never come to it."""
        if self._lock.acquire(blocking=False):
            try:
                if self._engine is None and not self._closed:
                    self._recover()
            finally:
                self._lock.release()

    def _execute(self, script: Script, policy: AccessPolicy, *, atomic: bool) -> Any:
        if self._closed:
            raise PermanentError("the store is closed")
        engine = self._engine
        if engine is None:
            raise TransientError("the store is being reopened")
        with _translated(), engine.used() as graph:
            return graph.execute(script.text, params=script.params, atomic=atomic, policy=policy)


class _Engine:
    """An open store of the engine, with the number of traversals in it: it must not be closed below one."""

    def __init__(self, store: graphersal.Store) -> None:
        self._store = store
        self._graph = store.graph
        self._graph.set_limits(max_operations=0, max_string_size=0, max_array_size=0, max_map_size=0)
        self._lock = threading.Lock()
        self._users = 0
        self._then: Callable[[], object] | None = None  #: it is to be closed, and this called afterwards

    @contextmanager
    def used(self) -> Iterator[graphersal.Graph]:
        """For one traversal. Who has got hold of an engine that was retired meanwhile gets a TransientError."""
        with self._lock:
            if self._then is not None and not self._users:
                raise TransientError("the store was exchanged at this moment")
            self._users += 1
        try:
            yield self._graph
        finally:
            with self._lock:
                self._users -= 1
                last = self._then is not None and not self._users
            if last:
                self._close()

    def retire(self, then: Callable[[], object]) -> None:
        """Close it after the traversals that are in it, then call `then`."""
        with self._lock:
            self._then = then
            idle = not self._users
        if idle:
            self._close()

    def _close(self) -> None:
        with suppress(graphersal.GraphersalError):  # all that counted is in the one that took its place
            self._store.close()
        if self._then is not None:
            self._then()


class _Connection(RemoteConnection):  # type: ignore[misc]  # gremlinpython ships no types
    """What `g` sends its traversals through."""

    def __init__(self, store: EmbeddedStore) -> None:
        super().__init__(f"embedded:{store.path}", "g")
        self._store = store

    def submit(self, bytecode: Bytecode) -> RemoteTraversal:
        return RemoteTraversal(map(Traverser, self._store.run(bytecode)))

    def is_closed(self) -> bool:
        return self._store.closed


def _open(path: Path, *, create: bool) -> graphersal.Store:
    link = next((file for file in path.rglob("*") if file.is_symlink()), None)
    if link is not None:
        raise InvalidRequest(f"{link} is a symbolic link: the engine would write to what it names")
    if create and (not path.exists() or (path.is_dir() and not any(path.iterdir()))):
        _create(path)
    try:
        store = graphersal.Store.open(str(path))
    except graphersal.GraphersalError as error:
        if "is in use" in str(error):
            raise InUse(f"{path} is in use by another process") from error
        if any(words in str(error) for words in _NO_ROOM):
            raise TransientError(f"{path} cannot be opened now: {_text(error)}") from error
        if not (path / "wal").is_dir():
            raise PermanentError(f"{path} is not a graph store") from error
        raise Damaged(f"{path} cannot be opened: {_text(error)}") from error
    report = store.maintenance
    if report is not None:
        store.close()
        raise Damaged(f"{path} is damaged: {report}")
    return store


def set_aside(path: Path) -> Path:
    """Move a damaged store out of the way, to be looked at later; its new place, ``<name>.damaged-<n>``."""
    numbers = itertools.count(1)
    place = next(place for n in numbers if not (place := path.with_name(f"{path.name}.damaged-{n}")).exists())
    path.rename(place)
    return place


def _create(path: Path) -> None:
    """Make a new store beside its place and move it there, so that a crash leaves no half-made one."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the data folder, if nothing else made it before
        place = TemporaryFolder(f".{path.name}-", path.parent.absolute())
    except OSError as error:
        raise PermanentError(f"{path} cannot be made: {error.strerror}") from error
    with place:
        fresh = place.path / "store"
        try:
            fresh.mkdir(mode=0o700)
            with _translated():
                graphersal.Store.create(str(fresh)).close()
            fresh.rename(path)
        except OSError as error:
            raise InUse(f"{path} was made by another process at the same time") from error


def _return_memory() -> None:
    """Give freed memory back where the C library keeps it (glibc): a fifth of the process after an opening."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


#: ENOSPC, EFBIG, EDQUOT. Opening writes; a store without room for that is not damaged, and must not be set aside.
_NO_ROOM = ("(os error 28)", "(os error 27)", "(os error 122)")
#: What the engine says, as far as a caller does something else about it; anything else lasts.
_MEANINGS: tuple[tuple[str, type[StoreError]], ...] = (
    ("Permission denied for", ReadOnly),
    ("script::tokens::map", InvalidRequest),  # no value for Python: where it stands, `maps` did not make entries of it
    ("Function not found", InvalidRequest),  # a step with arguments of types that it does not take
    ("evaluationTimeout", TimedOut),
    ("loop limit", Exceeded),
    ("exceeds maximum complexity", InvalidRequest),  # some hundreds of steps in a row
    ("Resource limit", Exceeded),  # ten million traversers at once, for one
    (TOO_LARGE, Exceeded),
    ("is too large to count", Exceeded),
    ("No space left", TransientError),
    ("journal is poisoned", TransientError),
    ("the store is closed", TransientError),  # while it is reopened
    ("I/O error", TransientError),
    ("is in use", InUse),
)


#: What a panic of the engine is raised as: a BaseException of pyo3, whose class cannot be imported.
_PANIC = "PanicException"


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the engine's exceptions into those of the port (`graphstore.errors`)."""
    try:
        yield
    except graphersal.GraphersalError as error:
        text = str(error)
        meaning = next((kind for words, kind in _MEANINGS if words in text), PermanentError)
        raise meaning(_text(error)) from error
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"a text cannot be stored: {error.reason}") from error
    except BaseException as error:
        if type(error).__name__ != _PANIC:
            raise
        raise EngineFailed(f"the graph engine failed: {str(error)[:200]}") from error


@contextmanager
def _of_user() -> Iterator[None]:
    """Around a traversal that a user wrote: an error of the engine that has no other meaning is a mistake in that.

    It reads only, and what may go wrong with the store itself is in `_MEANINGS`.
    """
    try:
        yield
    except PermanentError as error:
        if type(error) is not PermanentError or not isinstance(error.__cause__, graphersal.GraphersalError):
            raise
        if reached := _FAIL_STEP.fullmatch(str(error)):
            raise StepFailed(reached[1]) from error
        raise InvalidRequest(str(error)) from error


_FAIL_STEP = re.compile(r"(.*) \(fail\(\) reached by .*\)", re.DOTALL)
_NO_FUNCTION = re.compile(r"Function not found: (\w+) \((?:GraphTraversalSource(?:, )?)?(.*?)\)")


def _text(error: Exception) -> str:
    """The cause and the headline, without the traversal, which can be long and holds data."""
    if "script::tokens::map" in str(error):
        return "a map inside of the answer has keys that are no texts: unfold() gives its entries one by one"
    unknown = _NO_FUNCTION.match(str(error))
    if unknown:
        return f"{unknown[1]}() does not take ({unknown[2]})"
    lines = [re.sub(r"^(Error|Caused by): ", "", line) for line in str(error).splitlines() if not line.startswith("  ")]
    return ": ".join(line[:300] for line in (lines[-1:] if len(lines) > 1 else lines[:1]))
