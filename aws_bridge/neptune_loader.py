"""Neptune's bulk loader through boto3's `neptunedata`: start a load, follow it, read its errors.

https://docs.aws.amazon.com/neptune/latest/userguide/bulk-load.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from headwater.aws_bridge.session import Session, aws_errors
from headwater.backoff import Backoff

PORT = 8182
_RUNNING = frozenset({"LOAD_NOT_STARTED", "LOAD_IN_QUEUE", "LOAD_IN_PROGRESS"})
_COMPLETE = "LOAD_COMPLETED"
#: Between two looks at a load: short at first, so that a small load is reported at once. Without jitter, as there is
#: only one caller.
_BETWEEN_LOOKS = Backoff(first=0.1, longest=10.0, jitter=lambda: 1.0)
_ERRORS_PER_PAGE = 50
_MARK = "g.V('ledger').limit(1).count()"
_PLAIN = "application/vnd.gremlin-v3.0+json;types=false"

#: Each property is loaded once, so a second value is an error and is not replaced silently. Empty texts are values
#: (`graphstore.neptune_csv`).
_ALWAYS: Mapping[str, Any] = {
    "format": "csv",
    "failOnError": True,
    "updateSingleCardinalityProperties": False,
    "queueRequest": True,
    "parserConfiguration": {"allowEmptyStrings": "true"},
}


@dataclass(frozen=True)
class Request:
    """How to load: the region of the bucket, the IAM role with which the cluster reads it, mode and parallelism."""

    region: str
    role: str
    mode: str = "AUTO"  #: RESUME goes on with a load of the same source that failed, AUTO does so if there is one
    parallelism: str = "HIGH"


@dataclass(frozen=True)
class Status:
    """The progress of a load. `files` counts those loaded, `all_files` those found; `faults` counts errors by kind."""

    load: str
    source: str
    state: str
    records: int
    seconds: int
    files: int
    all_files: int
    faults: Mapping[str, int]

    @property
    def over(self) -> bool:
        """Whether the load has ended, with or without success."""
        return self.state not in _RUNNING

    @property
    def complete(self) -> bool:
        """Whether all was loaded, without an error."""
        return self.state == _COMPLETE and not any(self.faults.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        named = {"loadId": self.load, "source": self.source, "status": self.state, "complete": self.complete}
        return {**named, "records": self.records, "seconds": self.seconds, "files": self.files}


@dataclass(frozen=True)
class LoadError:
    """An error of a load, with the file and the number of the record in it."""

    code: str
    message: str
    file: str
    record: int

    def __str__(self) -> str:
        return f"{self.file}:{self.record}: {self.code}: {self.message}"


def endpoint_of(cluster: str) -> str:
    """The URL of a cluster that is named by its host, with or without a port, or by a ``neptune://`` URL."""
    host = cluster.removeprefix("neptune://").partition("?")[0].strip("/")
    return f"https://{host}" if ":" in host else f"https://{host}:{PORT}"


class Loader:
    """The loader of one cluster. Every method raises `AwsError`."""

    def __init__(self, session: Session, endpoint: str) -> None:
        self._neptune = session.client("neptunedata", endpoint)

    def has_graph(self) -> bool:
        """Whether the cluster holds a complete graph: one with the vertex `ledger`, which is loaded last."""
        with aws_errors():
            found = self._neptune.execute_gremlin_query(gremlinQuery=_MARK, serializer=_PLAIN)["result"]["data"]
        return bool(found != [0])

    def start(self, source: str, request: Request) -> str:
        """Start the load of all files under an S3 prefix; the load's id. It waits until earlier loads have ended."""
        named = {"source": source, "s3BucketRegion": request.region, "iamRoleArn": request.role}
        how = {"mode": request.mode, "parallelism": request.parallelism}
        with aws_errors():
            return str(self._neptune.start_loader_job(**_ALWAYS, **named, **how)["payload"]["loadId"])

    def status(self, load: str) -> Status:
        """The present status of a load."""
        with aws_errors():
            payload = self._neptune.get_loader_job_status(loadId=load, details=True)["payload"]
        return _status(load, payload)

    def errors(self, load: str) -> Iterator[LoadError]:
        """The errors of a load, requested page by page."""
        for page in count(1):
            with aws_errors():
                payload = self._neptune.get_loader_job_status(
                    loadId=load, errors=True, page=page, errorsPerPage=_ERRORS_PER_PAGE
                )["payload"]
            logs = payload.get("errors", {}).get("errorLogs", [])
            yield from map(_load_error, logs)
            if len(logs) < _ERRORS_PER_PAGE:
                return

    def follow(
        self, load: str, report: Callable[[Status], object], sleep: Callable[[float], object] = time.sleep
    ) -> Status:
        """Ask for the status of a load until it is over; `report` gets every status, `sleep` takes seconds."""
        looks = 0
        while not (status := self.status(load)).over:
            report(status)
            sleep(_BETWEEN_LOOKS.seconds(looks))
            looks += 1
        report(status)
        return status


def _status(load: str, payload: Mapping[str, Any]) -> Status:
    overall = payload["overallStatus"]
    feeds = dict(chain.from_iterable(counted.items() for counted in payload.get("feedCount", ())))
    kinds = ("parsingErrors", "datatypeMismatchErrors", "insertErrors")
    return Status(
        load=load,
        source=str(overall.get("fullUri", "")),
        state=str(overall["status"]),
        records=int(overall.get("totalRecords", 0)),
        seconds=int(overall.get("totalTimeSpent", 0)),
        files=int(feeds.get(_COMPLETE, 0)),
        all_files=sum(map(int, feeds.values())),
        faults={kind: int(overall.get(kind, 0)) for kind in kinds},
    )


def _load_error(log: Mapping[str, Any]) -> LoadError:
    return LoadError(
        str(log.get("errorCode", "")),
        str(log.get("errorMessage", "")),
        str(log.get("fileName", "")),
        int(log.get("recordNum", 0)),
    )
