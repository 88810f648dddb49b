"""Who a request is from: the port `Authenticator`, and what it answers, a `Sender` with its scopes.

Here: scopes, senders, the port, and the authenticator of the graph's process, which believes what the server tells it.
Not here: tokens (`tokens`), and what a request may do once its sender is known (`auth`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from aiohttp import web

Scope = Literal["write", "read", "annotate", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

#: What each scope opens. `write` is for agents and opens nothing else, since such a token stands in the parameters of
#: jobs, where many people see it. `annotate` is for people's statements (tags, owners, descriptions).
_OPENS: Mapping[Scope, frozenset[Scope]] = {
    "write": frozenset({"write"}),
    "read": frozenset({"read"}),
    "annotate": frozenset({"annotate", "read"}),
    "admin": frozenset(SCOPES),
}


@dataclass(frozen=True)
class Sender:
    """Whoever a request is from. `name` is kept on the ledger entry of what it sends."""

    name: str
    scopes: frozenset[Scope]
    per_minute: int | None = None  #: requests that are let in a minute; None: any number
    account: str | None = None  #: the one that what it sends is of (`graphmodel.accounts`); None: it is bound to none
    of_machine: bool = False  #: a command of the user that runs the server, who can do all that the server can

    def may(self, scope: Scope) -> bool:
        """Whether one of this sender's scopes opens what needs `scope`. A scope of a later version opens nothing."""
        return any(scope in _OPENS.get(own, frozenset()) for own in self.scopes)


class UnknownSender(Exception):
    """The credentials of a request are wrong, expired or revoked: one sentence that does not repeat them."""


class SenderUnchecked(Exception):
    """Who a request is from cannot be told at this moment, e.g. since an issuer's keys cannot be had: one sentence."""


class Authenticator(Protocol):
    """Tells who a request is from. It does not decide what they may do: that is the scope of the route."""

    @property
    def knows_anybody(self) -> bool:
        """Whether there is a sender that it could name."""

    @property
    def in_use(self) -> bool:
        """Whether senders were ever made known to it, even if none is left. Until then a loopback server asks for none.

        Must not become false because the last sender is taken away: that would open the server to everybody.
        """

    async def sender(self, request: web.BaseRequest) -> Sender | None:
        """The sender of a request.

        None: the request has no credentials of this kind (none at all, or those of another authenticator), so that
        another one may be asked. UnknownSender: it has credentials of this kind and they are not valid; nobody else is
        asked. SenderUnchecked: it cannot be told now. Any other exception is a fault of ours and lets nobody in. Only
        the request's line and headers are read, never its body. It is called for each request, so that what was
        revoked stops to work at once.
        """


# From the server to the graph's process -------------------------------------------------------------------------------

_HEADER = "Headwater-Sender"


def sender_headers(sender: Sender | None) -> dict[str, str]:
    """The headers by which the server tells the graph's process who asks: none for an anonymous request."""
    if sender is None:
        return {}
    return {_HEADER: json.dumps({"name": sender.name, "scopes": sorted(sender.scopes)})}  # ASCII, whatever the name


@dataclass(frozen=True)
class Authenticators:
    """Several ways to be known: the first that finds credentials of its kind decides."""

    ways: tuple[Authenticator, ...]

    @property
    def knows_anybody(self) -> bool:
        """See `Authenticator`."""
        return any(way.knows_anybody for way in self.ways)

    @property
    def in_use(self) -> bool:
        """See `Authenticator`."""
        return any(way.in_use for way in self.ways)

    async def sender(self, request: web.BaseRequest) -> Sender | None:
        """See `Authenticator`."""
        for way in self.ways:
            sender = await way.sender(request)
            if sender is not None:
                return sender
        return None


class ForwardedSender:
    """The authenticator of the graph's process: the sender is whom the server names in a header.

    Only for a Unix socket in a folder that nobody else can enter. On any other socket everybody could claim to be
    anybody; the server itself never passes on a header of this name.
    """

    knows_anybody = True
    in_use = True

    async def sender(self, request: web.BaseRequest) -> Sender | None:
        """See `Authenticator`. None: the server let in an anonymous request."""
        told = request.headers.get(_HEADER)
        if told is None:
            return None
        try:
            found = json.loads(told)
            return Sender(str(found["name"]), frozenset(found["scopes"]))
        except (ValueError, KeyError, TypeError):
            raise UnknownSender("the server names the sender in a form that is not known here") from None
