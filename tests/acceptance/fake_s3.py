"""S3 on loopback: one bucket, kept in memory; put, get and list, as boto3 asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.acceptance.loopback import QuietHandler, served

BUCKET = "lake"
_PAGE = 7  #: few, so that listings have several pages


@dataclass
class FakeS3:
    """What the bucket holds, by key."""

    objects: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    closed: bool = False  #: every request is refused

    def environment(self) -> dict[str, str]:
        """Dummy credentials, and this endpoint for S3."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "dummy",
            "AWS_SECRET_ACCESS_KEY": "dummy",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def save(self, folder: Path) -> Path:
        """The objects as files."""
        for key, body in self.objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        return folder

    def answer(self, key: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """The status and body of a GET."""
        if not key:
            return 200, self.listing(query).encode()
        if key in self.objects:
            return 200, self.objects[key]
        return 404, b"<Error><Code>NoSuchKey</Code></Error>"

    def listing(self, query: dict[str, list[str]]) -> str:
        """A page of ListObjectsV2."""
        (prefix,) = query.get("prefix", [""])
        (after,) = query.get("continuation-token") or query.get("start-after", [""])
        keys = [key for key in sorted(self.objects) if key.startswith(prefix) and key > after]
        page, more = keys[:_PAGE], len(keys) > _PAGE
        contents = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        return f"<ListBucketResult>{truncated}{token}{contents}</ListBucketResult>"


def _handler(s3: FakeS3) -> type[QuietHandler]:
    class Handler(QuietHandler, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.body()
            if self._allowed():
                s3.objects[self._key()] = body
                self.send(200, b"")

        def do_GET(self) -> None:
            if self._allowed():
                self.send(*s3.answer(self._key(), parse_qs(urlsplit(self.path).query)))

        def _key(self) -> str:
            bucket, _, key = unquote(urlsplit(self.path).path).strip("/").partition("/")
            assert bucket == BUCKET
            return key

        def _allowed(self) -> bool:
            if s3.closed:
                self.send(403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
            return not s3.closed

    return Handler


@contextmanager
def running(s3: FakeS3) -> Iterator[FakeS3]:
    """The bucket, served on a free port."""
    with served(_handler(s3)) as s3.url:
        yield s3
