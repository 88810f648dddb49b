"""How a request proves who sends it: the headers for one request, computed for each.

No secret is logged, none is part of an error's text.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from headwater.spark.settings import Options
from headwater.spark.web import Answer, Failed, Web

__all__ = ["Auth", "auth_for"]

#: (method, URL, headers so far, body) -> further headers. May raise `Failed`.
Auth = Callable[[str, str, Mapping[str, str], bytes], dict[str, str]]

#: A token is renewed this long before it ends.
_EARLY_SECONDS = 60.0


def auth_for(options: Options, web: Web) -> Auth:
    """All kinds of authentication that the settings ask for, as one. `web` fetches OAuth's token."""
    ways = [way(options, web) for set_, way in _WAYS.items() if getattr(options, set_)]

    def headers(method: str, url: str, sent: Mapping[str, str], body: bytes) -> dict[str, str]:
        found: dict[str, str] = {}
        for way in ways:  # the signature comes last, since it covers all other headers
            found.update(way(method, url, {**sent, **found}, body))
        return found

    return headers


def _api_key(options: Options, web: Web) -> Auth:
    return lambda _method, _url, _sent, _body: {options.api_key_header: options.api_key}


def _bearer(options: Options, web: Web) -> Auth:
    return lambda _method, _url, _sent, _body: {"Authorization": f"Bearer {options.token}"}


def _oauth(options: Options, web: Web) -> Auth:
    """Client credentials in the form's body, as Spline's own agent sends them.

    Source: https://www.rfc-editor.org/rfc/rfc6749#section-4.4
    """
    known: list[tuple[str, float]] = []  # the token, and the time until which it is valid

    def headers(_method: str, _url: str, _sent: Mapping[str, str], _body: bytes) -> dict[str, str]:
        if not known or known[0][1] <= time.monotonic():
            known[:] = [_token(options, web)]
        return {"Authorization": f"Bearer {known[0][0]}"}

    return headers


def _token(options: Options, web: Web) -> tuple[str, float]:
    form = {
        "grant_type": "client_credentials",
        "client_id": options.oauth_client,
        "client_secret": options.oauth_secret,
        **({"scope": options.oauth_scope} if options.oauth_scope else {}),
    }
    asked = time.monotonic()
    answer = web.send(
        "POST",
        options.oauth_url,
        {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        urllib.parse.urlencode(form).encode(),
    )
    token, seconds = _granted(answer)
    return token, asked + seconds - _EARLY_SECONDS


def _granted(answer: Answer) -> tuple[str, float]:
    """The token, and the seconds for which it is valid; 0 if the answer does not say: each request fetches one."""
    if not answer.done:
        raise Failed(f"the token URL answered {answer.status}", status=answer.status)
    try:
        said = json.loads(answer.body)
        return str(said["access_token"]), float(said.get("expires_in") or 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failed("the token URL answered without an access_token") from None


def _sigv4(options: Options, web: Web) -> Auth:
    """AWS's signature by botocore, which is not part of this package: Glue has it."""
    credentials: list[Any] = []  # looked up once; botocore renews them

    def headers(method: str, url: str, sent: Mapping[str, str], body: bytes) -> dict[str, str]:
        if not credentials:
            credentials.append(_credentials())
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method=method, url=url, data=body, headers=dict(sent))
        frozen = credentials[0].get_frozen_credentials()
        SigV4Auth(frozen, options.sigv4_service, options.sigv4_region).add_auth(request)
        return {name: value for name, value in request.headers.items() if name not in sent}

    return headers


_BOTOCORE = "pip install botocore, which the extra headwater[aws] brings"


def _credentials() -> Any:
    try:
        from botocore.session import get_session
    except ImportError:
        raise Failed("sigv4_region is set and botocore is not installed", remedy=_BOTOCORE) from None
    found = get_session().get_credentials()
    if found is None:
        raise Failed("sigv4_region is set and there are no AWS credentials")
    return found


#: The setting that asks for it -> how it is made, in the order in which headers are added.
_WAYS: dict[str, Callable[[Options, Web], Auth]] = {
    "api_key": _api_key,
    "token": _bearer,
    "oauth_url": _oauth,
    "sigv4_region": _sigv4,
}
