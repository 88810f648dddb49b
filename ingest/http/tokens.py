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
import logging
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from aiohttp import web

from headwater.graphmodel.accounts import is_account
from headwater.ingest.http.authenticator import SCOPES, Scope, Sender, UnknownSender
from headwater.ingest.intake.headers import bearer
from headwater.ingest.places.file_storage import make_private, sync_folder
from headwater.ingest.places.user import user_name
from headwater.spline_bridge.errors import shown

log = logging.getLogger(__name__)

TOKENS_FILE = "tokens.json"
LOG_FILE = "tokens.log"
"""What was done to tokens, when, and by which user of the machine: one JSON object a line, added and never changed."""
USES_FILE = "tokens-used.json"
"""When each token was last used, to the minute. Written by the server alone; without it nothing but that is lost."""

_SHORTEST = 32  #: characters of a token that is not made here: 128 bits even if it is written in hex

#: Until the file is that old it is read for each request: times of files are so coarse that it may have been replaced
#: twice with the same time, size and inode number.
_SETTLED_NS = 2 * 10**9


_MINUTE_MS = 60_000


@dataclass(frozen=True)
class TokenInfo:
    """A token as it is listed: without itself. Times are in ms since 1970."""

    name: str
    scopes: tuple[Scope, ...]
    created_ms: int
    expires_ms: int | None = None  #: from then on it opens nothing; None: never
    per_minute: int | None = None  #: requests that are let in a minute; None: any number
    account: str | None = None  #: of which all is that it sends; None: it is bound to none
    used_ms: int | None = None  #: about when a request last showed it, to the minute; None: not yet


@dataclass(frozen=True)
class _Record:
    info: TokenInfo
    sha256: bytes

    @property
    def sender(self) -> Sender:
        return Sender(self.info.name, frozenset(self.info.scopes), self.info.per_minute, self.info.account)

    @property
    def short(self) -> str:
        """What names it in the file of uses."""
        return self.sha256.hex()[:16]

    def expired(self, now_ms: int) -> bool:
        return self.info.expires_ms is not None and now_ms >= self.info.expires_ms


class TokensUnreadable(Exception):
    """The file of tokens is damaged: nobody is let in before it is repaired or removed."""


class TokenStore:
    """One file of mode 0600, read again when it changes: a token works, or stops working, without a restart.

    Several processes may add and revoke at once: each change is made under a lock and replaces the file as a whole,
    durably. The file stays when its last token is revoked, so that a server on loopback does not become open by that;
    whoever removes the file opens it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        notes_uses: bool = False,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`clock` gives ms since 1970. `notes_uses`: keep when each token was last used, as a server does."""
        self._file = folder / TOKENS_FILE
        self._uses = _Uses(folder / USES_FILE, notes=notes_uses)
        self._clock = clock
        self._seen: tuple[int, int, int] | None = None
        self._records: tuple[_Record, ...] = ()

    def add(
        self,
        scopes: Sequence[str],
        name: str,
        *,
        lasts_ms: int | None = None,
        per_minute: int | None = None,
        account: str | None = None,
    ) -> str:
        """A new token, told this once; it `lasts_ms` milliseconds, or until it is revoked.

        ValueError: a scope is unknown, or none is given; the name is empty or unprintable; a token has it already;
        `account` is no name of one, or the token could do more than send.
        """
        if unknown := [shown(scope) for scope in scopes if scope not in SCOPES] or (not scopes and ["none"]):
            raise ValueError(f"a scope is one of {', '.join(SCOPES)}, not {unknown[0]}")
        if not name.strip() or not name.isprintable() or shown(name) != name:
            raise ValueError("a name has 1 to 80 printable characters")
        if account is not None:
            _check_account(account, scopes)
        now = self._clock()
        token, digest = _new_token()
        ends = None if lasts_ms is None else now + lasts_ms
        info = TokenInfo(name, _in_order(scopes), now, ends, per_minute, account)
        with self._locked() as records:
            if any(record.info.name == name and not record.expired(now) for record in records):
                raise ValueError(f"there is a token of the name {name} already: rotate or revoke it")
            self._write((*(record for record in records if record.info.name != name), _Record(info, digest)))
            self._note("added", info)
        return token

    def rotate(self, name: str, *, grace_ms: int, lasts_ms: int | None = None) -> str:
        """A further token of this name with scopes, limits and account of the newest; the others end after `grace_ms`.

        So whoever has the old one can be given the new one without a gap. `lasts_ms` None: it lasts as long as the one
        before was to last when it was made. KeyError: there is none of this name.
        """
        now = self._clock()
        token, digest = _new_token()
        with self._locked() as records:
            own = [record.info for record in records if record.info.name == name]
            if not own:
                raise KeyError(name)
            last = max(own, key=lambda info: info.created_ms)
            if lasts_ms is None and last.expires_ms is not None:
                lasts_ms = last.expires_ms - last.created_ms
            ends = now + grace_ms
            left = tuple(
                record
                if record.info.name != name
                else replace(record, info=replace(record.info, expires_ms=min(ends, record.info.expires_ms or ends)))
                for record in records
                if record.info.name != name or (grace_ms and not record.expired(now))
            )
            its_end = None if lasts_ms is None else now + lasts_ms
            info = replace(last, created_ms=now, expires_ms=its_end, used_ms=None)
            self._write((*left, _Record(info, digest)))
            self._note("rotated", info)
        return token

    def keep(self, scope: Scope, name: str, token: str) -> None:
        """Make `token`, which somebody else chose, the only token of this name; it is kept already: nothing happens.

        ValueError: it is shorter than 32 characters, so that it might be guessed, or has blanks.
        """
        check_chosen(token)
        digest = hashlib.sha256(token.encode()).digest()
        with self._locked() as records:
            others = tuple(record for record in records if record.info.name != name)
            if [r.sha256 for r in records if r.info.name == name and r.info.scopes == (scope,)] != [digest]:
                info = TokenInfo(name, (scope,), self._clock())
                self._write((*others, _Record(info, digest)))
                self._note("taken from a file", info)

    def list(self) -> tuple[TokenInfo, ...]:
        """All tokens, oldest first; those that have expired too."""
        used = self._uses.read()
        return tuple(replace(record.info, used_ms=used.get(record.short)) for record in self._current())

    def revoke(self, name: str) -> bool:
        """Whether there was one of this name; from now on it opens nothing."""
        with self._locked() as records:
            left = tuple(record for record in records if record.info.name != name)
            found = len(left) < len(records)
            if found:
                self._write(left)
                self._note("revoked", next(record.info for record in records if record.info.name == name))
        return found

    def check(self, token: str) -> Sender | None:
        """Whose token it is. Takes the same time whichever it is, and if it is none. UnknownSender: it has expired."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found: _Record | None = None
        for record in self._current():
            if hmac.compare_digest(record.sha256, digest):
                found = record
        if found is None:
            return None
        now = self._clock()
        if found.expired(now):
            raise UnknownSender(f"the token of {found.info.name} has expired")
        self._uses.note(found.short, now)
        return found.sender

    @property
    def knows_anybody(self) -> bool:
        """See `Authenticator`. TokensUnreadable."""
        now = self._clock()
        return any(not record.expired(now) for record in self._current())

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
        make_private(folder)
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
                _Record(
                    TokenInfo(
                        row["name"],
                        tuple(row["scopes"]),
                        row["createdMs"],
                        _whole(row.get("expiresMs")),
                        _whole(row.get("perMinute")),
                        _account(row.get("account")),
                    ),
                    bytes.fromhex(row["sha256"]),
                )
                for row in rows
            )
        except FileNotFoundError:  # removed between the two looks
            return ()
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            raise TokensUnreadable(f"{self._file} is no list of tokens ({type(error).__name__})") from error

    def _note(self, what: str, info: TokenInfo) -> None:
        """One line of the log; under the lock, after the change."""
        at = datetime.fromtimestamp(self._clock() / 1_000, timezone.utc).isoformat(timespec="seconds")
        said = {"time": at, "by": user_name(), "what": what, "name": info.name, "scopes": info.scopes}
        if info.account is not None:
            said["account"] = info.account
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(self._file.parent / LOG_FILE, flags, 0o600), "a", encoding="utf-8") as file:
                file.write(json.dumps(said) + "\n")
        except OSError as error:  # the change is made: it must not look as if it were not
            log.warning("%s cannot be written: %s", LOG_FILE, error.strerror)

    def _write(self, records: Iterable[_Record]) -> None:
        rows = [
            {
                "name": r.info.name,
                "scopes": r.info.scopes,
                "sha256": r.sha256.hex(),
                "createdMs": r.info.created_ms,
                "expiresMs": r.info.expires_ms,
                "perMinute": r.info.per_minute,
                "account": r.info.account,
            }
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


def check_chosen(token: str) -> None:
    """ValueError: a token that somebody else chose might be guessed, or cannot stand in a header."""
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"a token has at least {_SHORTEST} characters of ASCII, without blanks")


def _token(request: web.BaseRequest) -> str | None:
    """The token of a request; None for another scheme of the header, such as Basic."""
    token = bearer(request.headers.get("Authorization", ""))
    return request.headers.get("X-API-Key") if token is None else token


def _new_token() -> tuple[str, bytes]:
    token = f"hw_{secrets.token_urlsafe(32)}"
    return token, hashlib.sha256(token.encode()).digest()


def _in_order(scopes: Iterable[str]) -> tuple[Scope, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)


def _check_account(account: str, scopes: Sequence[str]) -> None:
    if not is_account(account):
        raise ValueError(
            "an account is the 12 digits of one of AWS, or a name of 1 to 64 lower-case letters, digits, dots, hyphens"
            " and underscores"
        )
    if list(scopes) != ["write"]:
        raise ValueError("an account is for the scope write alone: it says whose jobs are reported, not who reads what")


def _account(value: object) -> str | None:
    """An account out of the file, or None. TypeError: another value, so that a binding is not passed over unread."""
    if value is None or (isinstance(value, str) and is_account(value)):
        return value
    raise TypeError("expected the name of an account")


def _whole(value: object) -> int | None:
    """A number out of the file, or None. TypeError: another value, so that a limit is not passed over unread."""
    if value is None or type(value) is int:
        return value
    raise TypeError(f"expected a whole number, not {type(value).__name__}")


class _Uses:
    """When tokens were last used: noted at most once a minute for each, in a file of its own.

    Not in the file of tokens, which is replaced durably and read again by every process at each change.
    """

    def __init__(self, file: Path, *, notes: bool) -> None:
        self._file = file
        self._notes = notes
        self._used: dict[str, int] | None = None

    def read(self) -> dict[str, int]:
        """Short hash of a token -> ms since 1970; empty if nothing is known."""
        try:
            with os.fdopen(os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:
                return {str(short): int(at) for short, at in json.load(file).items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def note(self, short: str, now_ms: int) -> None:
        """A token was used now. A file that cannot be written is no reason to refuse a request."""
        if not self._notes:
            return
        if self._used is None:
            self._used = self.read()
        if not 0 <= now_ms - self._used.get(short, 0) < _MINUTE_MS:
            self._used[short] = now_ms
            new = self._file.with_suffix(".new")
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as file:
                    json.dump(self._used, file)
                new.replace(self._file)
