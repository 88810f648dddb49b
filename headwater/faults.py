"""Whose fault an error is, and so what each layer answers: HTTP status, exit code, status of a Gremlin response.

One row for each kind of error. Which exception is of which kind stands in `ingest.http.error_table`. It imports
nothing, so that every package can use it, also in the zip of the Spark agent.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal

Party = Literal["sender", "operator", "store", "ours"]


class Fault(Enum):
    """A kind of error. `by` is who has to act: the sender, the server's operator, the store, or we.

    `http` is the status under /api, where an exception has none of its own (`InvalidBody`); `exit_code` the command
    line's (0 done, 1 a finding, 2 wrong use, 3 cannot be reached, 4 our own error); `gremlin` the status code of a
    response at /gremlin (https://tinkerpop.apache.org/docs/3.7.3/dev/provider/).
    """

    # kind                     by        HTTP exit Gremlin
    INVALID = "invalid", ("sender", 400, 2, 597)
    FAILED = "a traversal that fails by itself", ("sender", 400, 2, 595)  # its step fail()
    NOT_FOUND = "not found", ("sender", 404, 2, 597)
    UNAUTHORISED = "unauthorised", ("sender", 401, 2, 403)
    FORBIDDEN = "forbidden", ("sender", 403, 2, 403)
    TOO_MUCH = "too much asked", ("sender", 503, 3, 500)  # 503: with a smaller graph or more time it would be answered
    TIMED_OUT = "timed out", ("sender", 503, 3, 598)
    SET_UP = "wrongly set up", ("operator", 500, 2, 500)  # the data folder, its tokens, a target that is not empty
    UNAVAILABLE = "unavailable", ("store", 503, 3, 596)
    REFUSED = "refused by the store", ("store", 500, 4, 500)
    OURS = "ours", ("ours", 500, 4, 500)

    def __init__(self, kind: str, row: tuple[Party, int, int, int]) -> None:
        self.kind = kind
        self.by, self.http, self.exit_code, self.gremlin = row

    @classmethod
    def of_http_status(cls, status: int) -> Fault:
        """What a server's answer of this status (from 400) means to the one who asked."""
        if status == cls.UNAVAILABLE.http:
            return cls.UNAVAILABLE
        known = (fault for fault in cls if fault.http == status and fault.by == "sender")
        return next(known, cls.INVALID if status < cls.OURS.http else cls.OURS)
