"""Signatures for Neptune (SigV4, service ``neptune-db``), by botocore: the extra ``aws``, imported when one is made.

Only the request that opens a WebSocket is signed, and a signature holds for five minutes: each connection is signed
when it is made, with the credentials that the AWS session has then.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from headwater.graphstore.errors import Denied, InvalidRequest

SERVICE = "neptune-db"


class Signer:
    """Signs with the credentials that botocore finds: environment, profile, container, instance. Thread-safe.

    Raises `InvalidRequest` where the extra is not installed, or where neither URL nor AWS configuration names a region.
    """

    def __init__(self, region: str | None = None, session: Any = None) -> None:
        """`session` is a botocore session; by default one is made, anew after `forget`."""
        self._given = session
        self._session = session or _new_session()
        self._lock = threading.Lock()
        self.region = region or _default_region(self._session)

    def headers(self, url: str) -> Mapping[str, str]:
        """The headers that open a WebSocket at this ``wss://`` URL. Raises `Denied` where there are no credentials."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        parts = urlsplit(url)
        request = AWSRequest("GET", f"https://{parts.netloc}{parts.path}", headers={"Host": parts.netloc})
        SigV4Auth(self._credentials(), SERVICE, self.region).add_auth(request)
        return dict(request.headers.items())

    def forget(self) -> None:
        """Look for credentials anew at the next signature: those of the last were refused.

        Credentials with an end are renewed by botocore itself; those of a file or of the environment never are.
        """
        with self._lock:
            self._session = None

    def _credentials(self) -> Any:
        from botocore.exceptions import BotoCoreError

        with self._lock:
            try:
                if self._session is None:
                    self._session = self._given or _new_session()
                credentials = self._session.get_credentials()
                if credentials is None:
                    raise Denied("neptune: there are no AWS credentials; with IAM off at the cluster add iam=false")
                return credentials.get_frozen_credentials()
            except BotoCoreError as error:
                raise Denied(f"neptune: the AWS credentials cannot be had: {_first_line(error)}") from error


def _new_session() -> Any:
    try:
        import botocore.session
    except ImportError:
        how = "pip install 'headwater[aws]', or in a clone pip install '.[aws]'"
        raise InvalidRequest(f"neptune: signing needs boto3: {how}") from None
    return botocore.session.Session()


def _default_region(session: Any) -> str:
    region = session.get_config_variable("region")
    if not region:
        raise InvalidRequest("neptune: no region: add region=... to the URL, or set AWS_DEFAULT_REGION")
    return str(region)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
