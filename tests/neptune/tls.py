"""A certificate for loopback, made for the day."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NamedTuple

import trustme


class Tls(NamedTuple):
    """What a server shows, and the file of who signed it."""

    server: ssl.SSLContext
    ca: Path


def made_tls(folder: Path) -> Tls:
    """A new authority and its certificate for 127.0.0.1."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    return Tls(server, ca)
