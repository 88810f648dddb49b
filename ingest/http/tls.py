"""TLS of the server itself: a certificate and its key out of two files, read again when they change."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

_LOOK_SECONDS = 30.0


@dataclass(frozen=True)
class TlsFiles:
    """Where the certificate (with those of its issuers behind it) and its key are, both in PEM."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server: TLS 1.2 and 1.3. OSError, with the file's name: it cannot be read or is not what it should be.

        A key with a passphrase is refused: nobody is there to type it.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(context)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """Let new connections have what the files hold now. OSError: they have what they had before.

        Tried on another context first: OpenSSL takes a new certificate before it sees that the key is not its own, and
        then has none. So it is while a renewal has written one of the two files.
        """
        self.context()
        self._load(context)

    def _load(self, context: ssl.SSLContext) -> None:
        for file in (self.certificate, self.key):
            file.read_bytes()  # its error names the file; that of the line below names none
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
        except (ssl.SSLError, ValueError) as error:
            raise OSError(f"{self.certificate} and {self.key} are no certificate with its key: {error}") from None

    def _times(self) -> tuple[int, ...]:
        try:
            return tuple(file.stat().st_mtime_ns for file in (self.certificate, self.key))
        except OSError:
            return ()

    async def follow(self, context: ssl.SSLContext, every: float = _LOOK_SECONDS) -> None:
        """Load the files again when they change, until cancelled. New ones that are wrong change nothing."""
        seen = self._times()
        while True:
            await asyncio.sleep(every)
            times = self._times()
            if times and times != seen:
                try:
                    self.load(context)
                    log.info("the certificate %s was read again", self.certificate)
                except OSError as error:
                    log.warning("the certificate before is used on: %s", error)
                seen = times


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase, which nobody can type at a start")
