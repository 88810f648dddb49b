"""What the Gremlin endpoint lets a request cost. Imports nothing: the server in front of it has the same bounds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Of one request, of one connection, and of all of them."""

    #: Of evaluation; a request may ask for less. A write into the graph waits for so long at most.
    milliseconds: int = 5_000
    memory_bytes: int = 256 * 2**20  #: of all evaluations together, beside the graph
    results: int = 100_000
    answer_bytes: int = 64 * 2**20  #: of all frames of an answer
    request_bytes: int = 2**20  #: of a request: as a frame of this size is text at most, a traversal never needs it
    batch: int = 64  #: results in a frame, unless the request says so
    largest_batch: int = 10_000
    pipelined: int = 16  #: requests of a connection that are worked on; the next ones are not read before
    waiting: int = 64  #: requests of all connections; further ones are answered with 429
    connections: int = 128
    #: After which one that waits for nothing may be closed in favour of a new one, when there are so many: a client
    #: that is gone without a word, or never asks, would hold its place for ever.
    idle_seconds: float = 10.0
    send_seconds: float = 60.0  #: for which a client may read nothing of its answer
