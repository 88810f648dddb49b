"""What the headers of a request say: of its body the content type, and whether it is packed, and the sender's token.

Pure, for every transport.
`receiver` (aiohttp) and `inbox_lambda` (API Gateway) read their headers in ways of their own, and judge them here.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.message import Message

from headwater.ingest.intake.body import InvalidBody
from headwater.ingest.intake.bridge import Bridge


def content_type_of(header: str | None, bridge: Bridge) -> str:
    """The content type of a body, without parameters. InvalidBody (415): it is none of the bridge's, or not UTF-8."""
    message = Message()
    message["Content-Type"] = (header or "").replace("\r", " ").replace("\n", " ")
    if not header or message.get_content_type() not in bridge.content_types:
        raise InvalidBody(415, f"expected a Content-Type of {', '.join(bridge.content_types)}")
    if str(message.get_param("charset", "utf-8")).lower() not in ("utf-8", "utf8"):
        raise InvalidBody(415, "expected the charset utf-8, the only one that JSON has")
    return message.get_content_type()


def bearer(header: str) -> str | None:
    """The token in the header Authorization; None: it has another scheme, such as Basic, or there is no header.

    With the word Bearer twice as well: Airflow's provider hands it to Spark as a part of the key
    (``spark_inject_transport_info``), and OpenLineage's client in Java sets its own before it.
    """
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        return None
    again, _, rest = token.strip().partition(" ")
    return rest.strip() if again.lower() == "bearer" and rest else token.strip()


def is_packed(encodings: Iterable[str]) -> bool:
    """Whether a body is packed with gzip, by its headers Content-Encoding. InvalidBody (415): in another way."""
    named = [each for part in ",".join(encodings).split(",") if (each := part.strip().lower()) not in ("", "identity")]
    if named and named not in (["gzip"], ["x-gzip"]):
        raise InvalidBody(415, "expected a Content-Encoding of gzip, or none", {"Accept-Encoding": "gzip"})
    return bool(named)
