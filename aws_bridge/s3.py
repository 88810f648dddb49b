"""A prefix in S3 that files are written to and read from: the S3 side of `ingest.places.file_storage.FileStorage`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

from headwater.aws_bridge.session import Session, aws_errors

SCHEME = "s3://"


class NotAnS3Url(Exception):
    """A text is not of the form ``s3://BUCKET/PREFIX``."""


def split(url: str) -> tuple[str, str]:
    """``s3://bucket/a/b`` as (bucket, prefix): the prefix ends with a slash or is empty. Raises `NotAnS3Url`."""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not bucket:
        raise NotAnS3Url(f"{url!r} is not in S3: s3://BUCKET/PREFIX is expected")
    key = key.strip("/")
    return bucket, f"{key}/" if key else ""


class Prefix:
    """The files under ``s3://bucket/prefix``. Every method raises `AwsError`."""

    def __init__(self, session: Session, url: str, endpoint: str | None = None) -> None:
        """Raises `NotAnS3Url`."""
        self._bucket, self._prefix = split(url)
        self._s3 = session.client("s3", endpoint)

    def names(self) -> list[str]:
        """The names of all files, in order. The objects with which AWS's console marks empty folders are left out."""
        with aws_errors():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return sorted(key.removeprefix(self._prefix) for key in keys if not key.endswith("/"))

    def put(self, name: str, path: Path) -> None:
        """Upload a finished file, and delete it on this machine."""
        with aws_errors(), path.open("rb") as body:
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=body)
        path.unlink()

    def open(self, name: str) -> BinaryIO:
        """Read an object from its beginning. FileNotFoundError: there is none of that name."""
        with aws_errors():
            try:
                return cast("BinaryIO", self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"])
            except self._s3.exceptions.NoSuchKey:
                raise FileNotFoundError(name) from None

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for files that are not finished."""
        with TemporaryDirectory(prefix="headwater-") as folder:
            yield Path(folder)

    def __str__(self) -> str:
        return f"{SCHEME}{self._bucket}/{self._prefix}".rstrip("/")
