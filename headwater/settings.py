"""The settings: one table, from which options, environment variables and their help are derived."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    """A setting: its option, its environment variable, what it means."""

    option: str
    variable: str
    meaning: str


DATA = Setting("--data", "HEADWATER_DATA", "folder of the ledger and the embedded store")
STORE = Setting(
    "--store",
    "HEADWATER_STORE",
    "where the graph lives: embedded:PATH (default: inside the data folder), ws[s]://HOST:PORT/gremlin"
    " or neptune://HOST?region=REGION",
)
SERVER = Setting("--server", "HEADWATER_SERVER", "URL of a running server to ask (default: the data folder's own)")
#: A token has no option: a command line is seen by everybody on the machine.
TOKEN = Setting("", "HEADWATER_TOKEN", "token for a server that asks for one")

SETTINGS: tuple[Setting, ...] = (DATA, STORE, SERVER, TOKEN)

PORT = 9090
#: Where a running server says that it runs; `ingest.process.server` writes it.
SERVER_FILE = "server.json"


def default_data(environment: Mapping[str, str] | None = None) -> Path:
    """``$XDG_DATA_HOME/headwater``, by default ``~/.local/share/headwater``.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    environment = os.environ if environment is None else environment
    base = environment.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "headwater"
