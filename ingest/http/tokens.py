"""The tokens of a data folder: the first `Authenticator`.

A request shows its token as ``Authorization: Bearer TOKEN`` or ``X-API-Key: TOKEN``. Kept is the SHA-256 of each: a
token is 256 random bits, so there is nothing that a slow hash (scrypt) would have to protect from guessing, and every
request would pay for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from headwater.ingest.http.authenticator import SCOPES, Scope, Sender, UnknownSender
from headwater.ingest.ledger.folder_lock import sync_folder
from headwater.spline_bridge.errors import shown

TOKENS_FILE = "tokens.json"

_SHORTEST = 32  #: characters of a token that is not made here: 128 bits even if it is written in hex

#: Until the file is that old it is read for each request: times of files are so coarse that it may have been replaced
#: twice with the same time, size and inode number.
_SETTLED_NS = 2 * 10**9


@dataclass(frozen=True)
class TokenInfo:
    """A token as it is listed: without itself."""

    name: str
    scopes: tuple[Scope, ...]
    created_ms: int


@dataclass(frozen=True)
class _Record:
    info: TokenInfo
    sha256: bytes
    sender: Sender


class TokensUnreadable(Exception):
    """The file of tokens is damaged: nobody is let in before it is repaired or removed."""


class TokenStore:
    """One file of mode 0600, read again when it changes: a token works, or stops working, without a restart.

    Several processes may add and revoke at once: each change is made under a lock and replaces the file as a whole,
    durably. The file stays when its last token is revoked, so that a server on loopback does not become open by that;
    whoever removes the file opens it.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """`clock` gives ms since 1970."""
        self._file = folder / TOKENS_FILE
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None
        self._records: tuple[_Record, ...] = ()

    def add(self, scope: Scope, name: str) -> str:
        """A new token, told this once. ValueError: the scope is unknown, the name is taken, empty or unprintable."""
        if scope not in SCOPES:
            raise ValueError(f"a scope is one of {', '.join(SCOPES)}, not {shown(scope)}")
        if not name.strip() or not name.isprintable() or shown(name) != name:
            raise ValueError("a name has 1 to 80 printable characters")
        token = f"hw_{secrets.token_urlsafe(32)}"
        added = _record(TokenInfo(name, (scope,), self._clock()), hashlib.sha256(token.encode()).digest())
        with self._locked() as records:
            if any(record.info.name == name for record in records):
                raise ValueError(f"there is a token of the name {name} already")
            self._write((*records, added))
        return token

    def keep(self, scope: Scope, name: str, token: str) -> None:
        """Make `token`, which somebody else chose, the only token of this name; it is kept already: nothing happens.

        ValueError: it is shorter than 32 characters, so that it might be guessed, or has blanks.
        """
        if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError(f"a token has at least {_SHORTEST} characters of ASCII, without blanks")
        digest = hashlib.sha256(token.encode()).digest()
        with self._locked() as records:
            others = tuple(record for record in records if record.info.name != name)
            if [r.sha256 for r in records if r.info.name == name and r.info.scopes == (scope,)] != [digest]:
                self._write((*others, _record(TokenInfo(name, (scope,), self._clock()), digest)))

    def list(self) -> tuple[TokenInfo, ...]:
        """All tokens, oldest first."""
        return tuple(record.info for record in self._current())

    def revoke(self, name: str) -> bool:
        """Whether there was one of this name; from now on it opens nothing."""
        with self._locked() as records:
            left = tuple(record for record in records if record.info.name != name)
            found = len(left) < len(records)
            if found:
                self._write(left)
        return found

    def check(self, token: str) -> Sender | None:
        """Whose token it is. Takes the same time whichever it is, and if it is none."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found: Sender | None = None
        for record in self._current():
            if hmac.compare_digest(record.sha256, digest):
                found = record.sender
        return found

    @property
    def knows_anybody(self) -> bool:
        """See `Authenticator`. TokensUnreadable."""
        return bool(self._current())

    @property
    def in_use(self) -> bool:
        """See `Authenticator`: there is a file of tokens, even one without any."""
        return os.path.lexists(self._file)  # asked at each request; a link counts, even one that leads nowhere

    async def sender(self, request: web.BaseRequest) -> Sender | None:
        """See `Authenticator`. TokensUnreadable: nobody is let in."""
        token = _token(request)
        if token is None:
            return None
        sender = self.check(token)
        if sender is None:
            raise UnknownSender("the token is not known here")
        return sender

    @contextmanager
    def _locked(self) -> Iterator[tuple[_Record, ...]]:
        """The tokens as they are now, until the block ends: no other process changes them meanwhile.

        Locked is the folder: the file itself is replaced, and a lock on it would be one on a file that is gone.
        """
        folder = self._file.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._seen = None
            yield self._current()
        finally:
            os.close(descriptor)

    def _current(self) -> tuple[_Record, ...]:
        try:
            found = self._file.lstat()
        except FileNotFoundError:
            self._seen, self._records = None, ()
            return ()
        if not stat.S_ISREG(found.st_mode):
            raise TokensUnreadable(f"{self._file} is a link or no regular file, so nobody is let in")
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            self._records = self._read()
            self._seen = seen if time.time_ns() - found.st_mtime_ns > _SETTLED_NS else None
        return self._records

    def _read(self) -> tuple[_Record, ...]:
        try:
            with os.fdopen(os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
                rows = json.load(file)["tokens"]
            return tuple(
                _record(TokenInfo(row["name"], tuple(row["scopes"]), row["createdMs"]), bytes.fromhex(row["sha256"]))
                for row in rows
            )
        except FileNotFoundError:  # removed between the two looks
            return ()
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            raise TokensUnreadable(f"{self._file} is no list of tokens ({type(error).__name__})") from error

    def _write(self, records: Iterable[_Record]) -> None:
        rows = [
            {"name": r.info.name, "scopes": r.info.scopes, "sha256": r.sha256.hex(), "createdMs": r.info.created_ms}
            for r in records
        ]
        new = self._file.with_suffix(f".{os.getpid()}.new")
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"version": 1, "tokens": rows}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
        sync_folder(self._file.parent.absolute())
        self._seen = None


def _token(request: web.BaseRequest) -> str | None:
    """The token of a request; None for another scheme of the header, such as Basic."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("X-API-Key")


def _record(info: TokenInfo, sha256: bytes) -> _Record:
    return _Record(info, sha256, Sender(info.name, frozenset(info.scopes)))
