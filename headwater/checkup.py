"""The checks of `headwater doctor`: each is a function that gives one finding, or several.

Not here: `headwater glue doctor`, which is about a Glue job (`spline_bridge.glue.findings`).
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from headwater.client import Client, running
from headwater.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater.ingest.ledger.ledger import LedgerReader

State = Literal["ok", "warn", "fail"]

_LOW_SPACE_BYTES = 2**30  #: less free space than this is a warning: a full disk stops the ledger
_SLOW_SYNC_MS = 20.0  #: from here on a warning: every acknowledgement waits for at least one sync
_LIBRARIES = ("graphersal", "gremlinpython", "aiohttp", "orjson", "jsonschema-rs")
_OLDEST_PYTHON = (3, 10)
_CLOCK_TOLERANCE_SECONDS = 5.0  #: a smaller difference is no finding
_COMMAND = 120  #: characters of a command line that are shown


@dataclass(frozen=True)
class Finding:
    """The result of one check: `name` is what was checked, `message` says what was found and what to do."""

    state: State
    name: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"state": self.state, "name": self.name, "said": self.message}


def examine(data: Path, store: str | None, server: str | None) -> list[Finding]:
    """The findings of all checks: first Python and the data folder, then the server, the ledger and the graph.

    `store` and `server` are the options of the command line, None if not given.
    """
    from headwater.ingest.folder.ledger_elsewhere import ledger_elsewhere
    from headwater.ingest.ledger.ledger import holds_ledger

    findings = [_python(), _folder(data), _space(data), _disk(data)]
    if server is None and (elsewhere := ledger_elsewhere(data)):
        return [*findings, Finding("warn", "ledger", f"{elsewhere}: check that one with `headwater verify LEDGER`")]
    if not holds_ledger(data) and server is None:
        return [*findings, Finding("ok", "ledger", "there is none yet: `headwater serve` or `headwater load` makes it")]
    return [*findings, *_check_content(data, store, server)]


def _python() -> Finding:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    state: State = "ok" if sys.version_info[:2] >= _OLDEST_PYTHON else "fail"
    return Finding(state, "python", f"{platform.python_version()}; {libraries}")


def _folder(data: Path) -> Finding:
    if not data.exists():
        return Finding("ok", "folder", f"{data} is not there yet; it is made when it is needed")
    mode = data.stat().st_mode & 0o777
    if mode & 0o077:
        return Finding("warn", "folder", f"other users can read {data} (mode {mode:o}): chmod 700 {data}")
    if not os.access(data, os.W_OK):
        return Finding("fail", "folder", f"{data} cannot be written by this user")
    return Finding("ok", "folder", f"{data}, for this user alone")


def _space(data: Path) -> Finding:
    existing = next(parent for parent in (data, *data.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    message = f"{free / 2**30:.1f} GiB free"
    return (
        Finding("ok", "space", message)
        if free > _LOW_SPACE_BYTES
        else Finding("warn", "space", f"{message}: make room")
    )


def _disk(data: Path) -> Finding:
    """How long the disk takes to sync (median of 20): an acknowledgement waits for a sync, so it cannot be faster."""
    existing = next(parent for parent in (data, *data.parents) if parent.exists())
    if not os.access(existing, os.W_OK):
        return Finding("warn", "disk", f"{existing} cannot be written")
    probe = existing / f".headwater-probe-{os.getpid()}"
    times = []
    sync = getattr(os, "fdatasync", os.fsync)  # macOS has fsync alone
    try:
        with probe.open("wb") as file:
            for _ in range(20):
                file.write(b"x" * 4_096)
                file.flush()
                begin = time.perf_counter()
                sync(file.fileno())
                times.append((time.perf_counter() - begin) * 1_000)
    finally:
        probe.unlink(missing_ok=True)
    median = statistics.median(times)
    message = f"a sync takes {median:.1f} ms"
    slow = f"{message}: every acknowledgement waits for one; take a faster disk for the data folder"
    return Finding("ok", "disk", message) if median < _SLOW_SYNC_MS else Finding("warn", "disk", slow)


def _check_content(data: Path, store: str | None, server: str | None) -> Iterator[Finding]:
    client = Client(server) if server else running(data)
    if client is not None:
        found = _server(client)
        yield found
        if found.state == "fail":
            return
    elif (data / "server.json").exists():
        yield Finding("warn", "server", "the last one did not end by itself; nothing is lost, start it again")
    else:
        yield Finding("ok", "server", "no server runs on this folder: commands open it themselves")
    if server is None:
        yield from _locks(data, answers=client is not None)
        yield _ledger(data)
        yield _run_check("clock", "run `headwater verify`", lambda: _clock(data))
    yield from _graph(data, store, server)


def _server(client: Client) -> Finding:
    if client.alive():
        return Finding("ok", "server", f"answers at {client.url}")
    try:
        client.readiness()
    except HeadwaterError as error:
        return Finding("fail", "server", error.message)
    return Finding("fail", "server", f"{client.url} is slow to answer: ask again, or look at what the machine does")


def _locks(data: Path, *, answers: bool) -> Iterator[Finding]:
    """Which processes have the folder open. Where no server answers, one of them may hang, and keeps all others out."""
    for name, file in (("ledger", data / "ledger.lock"), ("graph", data / "graph" / "LOCK")):
        holder = _holder(file)
        if holder is not None and not answers:
            message = (
                f"{_process(holder)} has the {name} open, and no server answers: wait for its end, or kill -9 {holder}"
            )
            yield Finding("fail", "lock", message)
        elif holder is not None:
            yield Finding("ok", "lock", f"{_process(holder)} has the {name} open")


def _holder(file: Path) -> int | None:
    """The process that has locked a file (flock); None: no process, or this system does not say (Linux does)."""
    try:
        number = str(file.stat().st_ino)
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    for line in locks:  # "3: FLOCK  ADVISORY  WRITE 24784 fe:00:10503685 0 EOF"; "3: -> FLOCK ..." for one that waits
        words = line.split()
        if words[1] == "FLOCK" and words[5].rpartition(":")[2] == number:
            return int(words[4])
    return None


def _process(number: int) -> str:
    try:
        words = Path(f"/proc/{number}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return f"process {number}"
    return f"process {number} ({' '.join(words).strip()[:_COMMAND]})"


def _ledger(data: Path) -> Finding:
    return _run_check("ledger", "run `headwater verify`", lambda: _ledger_head(data))


def _ledger_head(data: Path) -> Finding:
    with _open_ledger(data) as ledger:
        entries = ledger.count()
    return Finding("ok", "ledger", f"{entries:,} entries; `headwater verify` checks each of them")


def _clock(data: Path) -> Finding:
    """Whether the clock was set back since the last entry: versions of datasets are ordered by time."""
    with _open_ledger(data) as ledger:
        last = ledger.entry(ledger.count())
    ahead = last.received_ms / 1_000 - time.time() if last else 0.0
    if ahead <= _CLOCK_TOLERANCE_SECONDS:
        return Finding("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))
    return Finding("warn", "clock", f"the last entry is {ahead:,.0f} s in the future: set this machine's clock")


def _open_ledger(data: Path) -> LedgerReader:
    from headwater.ingest.ledger.ledger import open_reader

    return open_reader(data)


def _graph(data: Path, store: str | None, server: str | None) -> Iterator[Finding]:
    stats: dict[str, Any] = {}

    def asked() -> Finding:
        from headwater.source import find

        source = find(data, store, server, create=False)
        try:
            stats.update(source.stats())
        finally:
            source.close()
        size = sum(stats["vertices"].values()), sum(stats["edges"].values())
        return Finding("ok", "graph", f"{size[0]:,} vertices, {size[1]:,} edges")

    yield _run_check("graph", "if this does not change, `headwater replay` builds the graph again", asked)
    yield from _check_counts(stats)


def _check_counts(stats: Mapping[str, Any]) -> Iterator[Finding]:
    if stats.get("lag"):
        yield Finding("warn", "lag", f"{stats['lag']:,} entries are not yet in the graph")
    if stats.get("parked"):
        yield Finding("fail", "parked", f"{stats['parked']:,} entries could not be mapped: `headwater parked` says why")
    if stats.get("waiting"):
        yield Finding("warn", "waiting", f"{stats['waiting']:,} events wait for their plan, which has not come")


def _run_check(name: str, remedy: str, check: Callable[[], Finding]) -> Finding:
    """The finding of a check; if the check raises an error, a finding `fail` with the error and the remedy."""
    from headwater.translation import translated

    try:
        with translated():
            return check()
    except (HeadwaterError, OSError) as error:
        refused = isinstance(error, HeadwaterError) and error.status in {401, 403}  # a matter of the token alone
        return Finding("fail", name, str(error) if refused else f"{error}: {remedy}")
