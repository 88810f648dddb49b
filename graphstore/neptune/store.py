"""Amazon Neptune at ``neptune://``: the remote store with Neptune's connections, errors and request sizes.

Questions go to the reader, writes and what must see them to the writer. Both are patient: what passes is tried again
with growing waits, and only then becomes the caller's business.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.process.graph_traversal import GraphTraversal
from gremlin_python.process.traversal import Bytecode

from headwater.backoff import Backoff
from headwater.graphmodel.delta import GraphDelta
from headwater.graphstore.errors import StoreError, TransientError
from headwater.graphstore.neptune.errors import Remedy, meaning_of, sentence
from headwater.graphstore.neptune.request_lanes import Lane, Stage, joined, records, stages
from headwater.graphstore.neptune.requests import check_texts, traversal
from headwater.graphstore.neptune.signing import Signer
from headwater.graphstore.neptune.transport import Transport, trust
from headwater.graphstore.neptune.url import Settings, settings
from headwater.graphstore.port import Guard
from headwater.graphstore.remote import gremlin_server
from headwater.graphstore.remote.channel import Channel, Connect, SingleClient, WrongInstance
from headwater.graphstore.remote.requests import Budget, Request, Start
from headwater.graphstore.remote.store import Limits, RemoteStore
from headwater.graphstore.writer import Batch, batches

log = logging.getLogger(__name__)

_RECORDS, _BYTES = 200, 1_000_000
_DROPPED = 500  #: elements that one request of `clear` removes
_READERS = 4  #: connections for questions
_ASKS = 5  #: attempts of a question: somebody waits for it
_WRITES = 9  #: attempts of a write, up to 21 s in all; then it is the projector's turn, who waits as long as it takes
_LONGEST_WAIT = 5.0  #: seconds between two attempts
_LATE = 10  #: seconds that an answer may come after the request's own time limit, at most

Sleep = Callable[[float], object]


class PatientChannel(Channel):
    """A channel that sends a request again, after the waits of `backoff`, while it fails with a passing error."""

    def __init__(self, *args: Any, backoff: Backoff, **options: Any) -> None:
        super().__init__(*args, **options)
        self._backoff = backoff

    def submit(self, request: Bytecode | str, options: Mapping[str, Any] | None = None) -> list[Any]:
        """As `Channel.submit`; raises what the last attempt did."""
        failures = 0
        while True:
            try:
                return super().submit(request, options)
            except TransientError as error:
                if self._backoff.is_last(failures):
                    raise
                wait = self._backoff.seconds(failures)
                log.info("%s is asked again in %.2f s: %s", self.name, wait, error)
                (self._backoff.sleep or time.sleep)(wait)
                failures += 1


class NeptuneStore(RemoteStore):
    """See `graphstore.port.GraphStore` for its promises. What fits one request is atomic."""

    def __init__(self, reads: Channel, writes: Channel, limits: Limits, *, lanes: int, readonly: bool) -> None:
        """`lanes` is how many connections `writes` has."""
        super().__init__(reads, writes, limits, readonly=readonly)
        self._lanes = lanes
        self._side_by_side = ThreadPoolExecutor(lanes, thread_name_prefix="lane")

    def apply(self, deltas: GraphDelta | Sequence[GraphDelta], *, only_if: Guard | None = None) -> None:
        """Write the deltas, stage by stage; all values are checked before the first is sent."""
        many = [deltas] if isinstance(deltas, GraphDelta) else deltas
        self._may_write()
        with self._turn:
            for stage in list(self._planned(many)):
                self._run(stage, only_if)

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._side_by_side.shutdown()

    def _planned(self, deltas: Sequence[GraphDelta]) -> Iterator[Stage]:
        """All at once if it fits one request; else one delta after the other, since what comes last shows last."""
        whole = list(batches(deltas))
        check_texts(whole)
        limit = self._limits.budget.records
        if len(whole) > 1 or records(whole) > limit:
            whole = [batch for delta in deltas for batch in batches([delta])]
        for batch in whole:
            yield from stages(batch, limit, self._lanes)

    def _run(self, stage: Stage, only_if: Guard | None) -> None:
        """Every lane is waited for, whatever becomes of the others: none may write after `apply` has returned."""
        if len(stage) == 1:
            self._write_lane(stage[0], only_if)
            return
        running = [self._side_by_side.submit(self._write_lane, lane, only_if) for lane in stage]
        failed = [error for lane in running if (error := lane.exception())]
        if failed:
            raise min(failed, key=lambda error: isinstance(error, TransientError))  # what lasts counts for more

    def _write_lane(self, lane: Lane, only_if: Guard | None) -> None:
        for part in lane:
            if part:
                self._write(Request(part, _chain, 0), only_if)


def _chain(g: Start, part: Sequence[Batch]) -> GraphTraversal:
    return traversal(g, joined(part))


def open_neptune(url: str, *, readonly: bool = False, sleep: Sleep = time.sleep) -> NeptuneStore:
    """The graph of a cluster; nothing is sent yet.

    Raises `InvalidRequest` for what is wrong with the URL, and where the extra ``aws`` is needed and not installed.
    """
    given = settings(url)
    channel = partial(PatientChannel, translate_error=store_error)
    asking, writing = (Backoff(attempts, longest=_LONGEST_WAIT, sleep=sleep) for attempts in (_ASKS, _WRITES))
    connect = _connecting(given)
    milliseconds = given.timeout * 1_000
    return NeptuneStore(
        channel(given.reader, connect(given.reader), backoff=asking, threads=_READERS),
        channel(given.writer, connect(given.writer), backoff=writing, threads=given.writers),
        Limits(Budget(_RECORDS, _BYTES), _DROPPED, read_ms=milliseconds, write_ms=milliseconds),
        lanes=given.writers,
        readonly=readonly,
    )


def _connecting(given: Settings) -> Callable[[str], Connect]:
    """What makes, for an endpoint, what opens a connection to it."""
    signer = Signer(given.region) if given.iam else None
    answer_within = given.timeout + min(given.timeout, _LATE)
    transport = partial(Transport, signer, idle=given.idle, life=given.life, ssl=trust(given.ca))
    return lambda endpoint: partial(
        SingleClient, f"wss://{endpoint}/gremlin", transport=transport, answer_within=answer_within
    )


def store_error(error: GremlinServerError) -> StoreError:
    """The port's error for what Neptune answers; what has no code of Neptune's is read as a Gremlin Server's."""
    text = str(error.status_message)
    found = meaning_of(text)
    if found is None:
        return gremlin_server.store_error(error)
    kind = WrongInstance if found.remedy is Remedy.RECONNECT else found.error
    return kind(sentence(text))
