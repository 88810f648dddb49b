"""The spool: reports that could not be sent, in a folder or below a prefix in S3, one compressed file for each.

A file holds the plan and its event as Spline's own agent writes them beside the data (`_LINEAGE`); `headwater load`
takes it. Its name is that of the event, so that a report that is spooled twice is one file.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from headwater.spline_bridge.agent import Report

__all__ = ["Spool", "spool_at"]


class Spool(Protocol):
    """A place to keep reports."""

    @property
    def place(self) -> str:
        """The folder or URL, for messages."""

    def keep(self, report: Report) -> None:
        """Write a report. OSError: it cannot be written; the text says why."""


def spool_at(place: str) -> Spool | None:
    """The spool of a setting; None for an empty one. OSError: what it needs is not installed."""
    if not place:
        return None
    return _Bucket(place) if place.startswith("s3://") else _Folder(place)


def _file(report: Report) -> tuple[str, bytes]:
    """Name and content."""
    event = report.event
    name = re.sub(r"[^\w-]", "_", f"{event.get('timestamp')}-{event.get('planId')}")
    document = {"executionPlan": report.plan, "executionEvent": event}
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return f"{name}.json.gz", gzip.compress(body, 6, mtime=0)


class _Folder:
    """A folder. Files can be read by their owner alone, and are renamed into place: none is ever half written."""

    def __init__(self, place: str) -> None:
        self._folder = Path(place).expanduser().absolute()
        self.place = str(self._folder)

    def keep(self, report: Report) -> None:
        name, body = _file(report)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / name)


class _Bucket:
    """By boto3, which is not part of this package: Glue has it."""

    def __init__(self, place: str) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise OSError("a spool in S3 needs boto3, which is not installed: pip install boto3") from None
        self.place = place
        self._bucket, _, prefix = place.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "max_attempts": 2})
        with _translated():
            self._s3: Any = boto3.client("s3", config=config)

    def keep(self, report: Report) -> None:
        name, body = _file(report)
        with _translated():
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=body)


@contextmanager
def _translated() -> Iterator[None]:
    """Botocore's errors as OSError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        raise OSError(f"S3: {error}") from None
