"""A prefix in S3 that files are written to and read from: the S3 side of `ingest.places.file_storage`.

Which calls need which permission: `docs/aws-permissions.md`.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

from headwater.aws_bridge.session import AwsError, Session, aws_errors
from headwater.temporary import TemporaryFolder

SCHEME = "s3://"

_DELETED_AT_ONCE = 1_000  #: objects, the most that one request takes
_PRECONDITION_FAILED, _CONFLICT = 412, 409
_SENT_AT_ONCE = 2**20  #: bytes of a body that is sent without asking first
_CONFLICTS, _CONFLICT_SECONDS = 5, 0.2  #: tries of a conditional write while another one is under way, and the pause


class NotAnS3Url(Exception):
    """A text is not of the form ``s3://BUCKET/PREFIX``."""


def split(url: str) -> tuple[str, str]:
    """``s3://bucket/a/b`` as (bucket, prefix): the prefix ends with a slash or is empty. Raises `NotAnS3Url`."""
    bucket, _, key = url.removeprefix(SCHEME).partition("/")
    if not url.startswith(SCHEME) or not bucket:
        raise NotAnS3Url(f"{url!r} is not in S3: s3://BUCKET/PREFIX is expected")
    key = key.strip("/")
    return bucket, f"{key}/" if key else ""


def _send_at_once(params: dict[str, Any], **_: object) -> None:
    """Send a small body with its headers: botocore waits for ``100 Continue`` first, a round trip for each object."""
    body = params["body"]
    if isinstance(body, BytesIO) and body.getbuffer().nbytes <= _SENT_AT_ONCE:
        params["headers"].pop("Expect", None)


class Prefix:
    """The files under ``s3://bucket/prefix``. Every method raises `AwsError`."""

    def __init__(self, session: Session, url: str, endpoint: str | None = None) -> None:
        """Raises `NotAnS3Url`."""
        self._bucket, self._prefix = split(url)
        self._s3 = session.client("s3", endpoint)
        self._s3.meta.events.register_last("before-call.s3", _send_at_once)

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

    def write(self, name: str, data: bytes, *, once: bool = False) -> None:
        """Put an object, its SHA-256 checked by S3. FileExistsError: `once`, and there is an object of this name.

        `once` is S3's conditional write: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        from botocore.exceptions import ClientError

        how = {"IfNoneMatch": "*"} if once else {}
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        with aws_errors():
            for attempt in range(_CONFLICTS):
                try:
                    self._s3.put_object(
                        Bucket=self._bucket,
                        Key=self._prefix + name,
                        Body=data,
                        ChecksumAlgorithm="SHA256",
                        ChecksumSHA256=checksum,
                        **how,
                    )
                except ClientError as error:
                    status = error.response["ResponseMetadata"].get("HTTPStatusCode")
                    if status == _PRECONDITION_FAILED:
                        raise FileExistsError(name) from None
                    if status != _CONFLICT or attempt == _CONFLICTS - 1:
                        raise
                    time.sleep(_CONFLICT_SECONDS)  # another conditional write of this key is under way
                else:
                    return

    def read(self, name: str) -> bytes:
        """All of an object. FileNotFoundError: there is none of that name."""
        with self.open(name) as body, aws_errors():
            return body.read()

    def remove(self, *names: str) -> None:
        """Delete objects. In a bucket with versions, the versions that they had stay."""
        keys = [{"Key": self._prefix + name} for name in names]
        with aws_errors():
            for at in range(0, len(keys), _DELETED_AT_ONCE):
                part = {"Objects": keys[at : at + _DELETED_AT_ONCE], "Quiet": True}
                failed = self._s3.delete_objects(Bucket=self._bucket, Delete=part).get("Errors", ())
                for each in failed:
                    raise AwsError(f"AWS: {each.get('Code')} for DeleteObjects: {each['Key']}: {each.get('Message')}")

    def remove_older(self, name: str, *, bypass_governance: bool = False) -> None:
        """Delete all versions of an object but the newest one. AwsError: Object Lock keeps one.

        `bypass_governance`: also those that Object Lock keeps in governance mode; needs a permission of its own.
        """
        key, how = self._prefix + name, {"BypassGovernanceRetention": True} if bypass_governance else {}
        with aws_errors():
            pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
            found = [each for page in pages for each in page.get("Versions", ()) if each["Key"] == key]
            for each in found:
                if not each["IsLatest"]:
                    self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=each["VersionId"], **how)

    def kept_until(self, name: str) -> tuple[str, str] | None:
        """How Object Lock keeps an object (``GOVERNANCE``, ``COMPLIANCE``, ``HOLD``) and until when; None: not."""
        with aws_errors():
            found = self._s3.head_object(Bucket=self._bucket, Key=self._prefix + name)
        if found.get("ObjectLockLegalHoldStatus") == "ON":
            return "HOLD", "its legal hold is taken off"
        until = found.get("ObjectLockRetainUntilDate")
        if until is None or until <= datetime.now(timezone.utc):
            return None
        return str(found["ObjectLockMode"]), until.isoformat(timespec="seconds")

    def listed(self, under: str = "", after: str = "") -> Iterator[str]:
        """Names that begin with `under` and come behind `after`, in order; asked for in pages of a thousand."""
        how = {"StartAfter": self._prefix + after} if after else {}
        with aws_errors():
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + under, **how
            )
            for page in pages:
                yield from (
                    found["Key"].removeprefix(self._prefix)
                    for found in page.get("Contents", ())
                    if not found["Key"].endswith("/")
                )

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for files that are not finished."""
        with TemporaryFolder() as folder:
            yield Path(folder)

    def __str__(self) -> str:
        return f"{SCHEME}{self._bucket}/{self._prefix}".rstrip("/")
