"""The settings of the command line and the Python API: one table, from which options and their help are derived.

Not here: the settings of the agent for Spark (`headwater.spark.settings`), which is shipped without this module.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import WrongUse


@dataclass(frozen=True)
class Setting:
    """A setting: its option on the command line (empty: it has none), its environment variable, its meaning."""

    option: str
    variable: str
    meaning: str


DATA = Setting("--data", "HEADWATER_DATA", "data folder: the ledger and the embedded store")
STORE = Setting(
    "--store",
    "HEADWATER_STORE",
    "where the graph lives: embedded:PATH (default: inside the data folder), ws[s]://HOST:PORT/gremlin"
    " or neptune://HOST?region=REGION",
)
SERVER = Setting("--server", "HEADWATER_SERVER", "URL of a running server to ask (default: the data folder's own)")
#: A token has no option: the command line of a process can be read by everybody on the machine.
TOKEN = Setting("", "HEADWATER_TOKEN", "token for a server that asks for one")
#: Nor has the token of another system that lineage is published to.
PUBLISH_TOKEN = Setting("", "HEADWATER_PUBLISH_TOKEN", "token for the backend that `headwater publish` sends to")

SETTINGS: tuple[Setting, ...] = (DATA, STORE, SERVER, TOKEN, PUBLISH_TOKEN)

PORT = 9090
#: File in a data folder that names the server which runs on it; written by `ingest.process.server`.
SERVER_FILE = "server.json"


def default_data(environment: Mapping[str, str] | None = None) -> Path:
    """``$XDG_DATA_HOME/headwater``, by default ``~/.local/share/headwater``.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/
    """
    environment = os.environ if environment is None else environment
    base = environment.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "headwater"


def data_folder(given: str | Path) -> Path:
    """The path of a data folder. WrongUse: it is none: a URL, a server without http://, empty, or below a file.

    A mistyped URL such as ``htp://x`` is also a valid path: without this check a folder of that name would be made, and
    every question to it would have an empty answer.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", str(given))
    if scheme and isinstance(given, str):
        raise WrongUse(
            f"{given!r} is no data folder: a folder is named without {scheme[0]}; a server is http://HOST:PORT, "
            "a store ws://HOST:PORT/gremlin or neptune://HOST?region=REGION"
        )
    if isinstance(given, str) and re.fullmatch(r"[A-Za-z0-9.-]+:[0-9]{1,5}/?", given):
        raise WrongUse(f"{given!r} is no data folder: a server is http://{given}, a folder of that name ./{given}")
    if not str(given):  # of a script whose variable is not set; `Path` would take it for the current folder
        raise WrongUse(f"the data folder ({DATA.option}, {DATA.variable}) is named by an empty text")
    folder = Path(given)
    there = next((path for path in (folder, *folder.parents) if os.path.exists(path)), None)  # noqa: PTH110 - Path raises where it may not look
    if there is not None and not os.path.isdir(there):  # noqa: PTH112
        raise WrongUse(f"{folder} is no data folder: {there} is not a folder")
    return folder
