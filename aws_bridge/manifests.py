"""Reads the manifests of SageMaker's jobs from S3, each once. Here: the calls. What they list: `openlineage_bridge`.

A manifest that was changed after the job began is not what the job read: it says nothing.
"""

from __future__ import annotations

from typing import Any

from headwater.aws_bridge.session import AwsError, NotAllowed, Session, aws_errors
from headwater.openlineage_bridge.sagemaker_manifests import Manifest, folders_in

_LARGEST = 64 * 2**20  #: bytes of a manifest that are read: some hundred thousand names


class Manifests:
    """The manifests in S3 that the caller may read. `unread`: those that are left out, a sentence each, by URI."""

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        """NotInstalled, AwsError. The endpoint of S3 is that of AWS's own settings (``AWS_ENDPOINT_URL_S3``)."""
        self._client = Session(region, profile).client("s3", many_calls=True)
        self._found: dict[str, tuple[Any, bytes] | None] = {}
        self.unread: dict[str, str] = {}
        self.read = 0

    def folders(self, manifest: Manifest) -> list[str]:
        """The folders of the files that it lists; none where it cannot be read, which is noted. AwsError."""
        try:
            found = self._content(manifest.uri)
            if found is None:
                return []
            changed, content = found
            if changed > manifest.began:
                self.unread[manifest.uri] = "it was changed after a job that read it began"
                return []
            return folders_in(content, manifest.kind)
        except ValueError as error:  # JSON's, and those of texts that are no UTF-8, are ValueErrors
            self.unread[manifest.uri] = f"it is no manifest: {error}"
            return []

    def _content(self, uri: str) -> tuple[Any, bytes] | None:
        if uri not in self._found:
            self._found[uri] = self._asked(uri)
        return self._found[uri]

    def _asked(self, uri: str) -> tuple[Any, bytes] | None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            with aws_errors("s3"):
                answer = self._client.get_object(Bucket=bucket, Key=key)
        except NotAllowed as error:
            self.unread[uri] = str(error)
            return None
        except AwsError as error:
            if error.code not in {"NoSuchKey", "NoSuchBucket"}:
                raise
            self.unread[uri] = "it is not there any more"
            return None
        with answer["Body"] as body:
            if answer["ContentLength"] > _LARGEST:
                self.unread[uri] = f"it has more than {_LARGEST:,} bytes"
                return None
            self.read += 1
            return answer["LastModified"], body.read()
