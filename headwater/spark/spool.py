"""The spool: reports that could not be sent, in a folder or below a prefix in S3, one compressed file for each.

A file holds the plan and its event as Spline's own agent writes them beside the data (`_LINEAGE`); `headwater load`
takes it. Its name is that of the event, so that a report that is spooled twice is one file.

An inbox in S3 takes the same files, in the place of a server: all reports are written there, named as in every inbox
by the day and their content (`docs/inbox.md`).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from headwater.spark.web import Failed
from headwater.spline_bridge.agent import Report

__all__ = ["Inbox", "Spool", "is_inbox", "spool_at"]


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


def is_inbox(url: str) -> bool:
    """Whether the place to send to is an inbox in S3, and no server."""
    return url.startswith("s3://")


def _content(report: Report) -> bytes:
    """The report as JSON."""
    document = {"executionPlan": report.plan, "executionEvent": report.event}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _file(report: Report) -> tuple[str, bytes]:
    """Name and content."""
    event = report.event
    name = re.sub(r"[^\w-]", "_", f"{event.get('timestamp')}-{event.get('planId')}")
    return f"{name}.json.gz", gzip.compress(_content(report), 6, mtime=0)


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
        self.write(*_file(report))

    def write(self, name: str, body: bytes) -> None:
        """Put an object, its SHA-256 checked by S3 where boto3 is new enough to send one. OSError."""
        checked = {}
        if "ChecksumSHA256" in self._s3.meta.service_model.operation_model("PutObject").input_shape.members:
            checked = {"ChecksumSHA256": base64.b64encode(hashlib.sha256(body).digest()).decode()}
        with _translated():
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=body, **checked)


class Inbox:
    """An inbox in S3 in the place of a server."""

    def __init__(self, url: str) -> None:
        """OSError: boto3 is not installed."""
        self._bucket = _Bucket(url)

    def send(self, report: Report) -> None:
        """Write a report. Failed: S3 does not take it."""
        body = _content(report)
        day = datetime.now(timezone.utc).date().isoformat()
        try:
            self._bucket.write(f"{day}/{hashlib.sha256(body).hexdigest()}.json.gz", gzip.compress(body, 6, mtime=0))
        except OSError as error:
            raise Failed(str(error)) from None


@contextmanager
def _translated() -> Iterator[None]:
    """Botocore's errors as OSError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, ValueError) as error:
        raise OSError(f"S3: {error}") from None
