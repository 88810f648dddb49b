"""Where answers come from: a running server, or the data folder opened by this process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headwater.client import Client, running
from headwater.errors import HeadwaterError, NoLedger, Unreachable, WrongUse
from headwater.ingest.progress import Progress
from headwater.loading import Loaded, into, through
from headwater.read_only import SHARED, ReadOnly
from headwater.settings import SERVER_FILE
from headwater.temporary import TemporaryFolder
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.graphmodel.naming import Rules
    from headwater.ingest.folder.service import Service
    from headwater.ingest.ledger.entries import NameEntry
    from headwater.queries.answers.shapes import Result

_POLL_SECONDS = 0.1
_PATIENCE_SECONDS = 30.0
_NOT_FOUND = 404


class Source(Protocol):
    """Something to ask."""

    @property
    def place(self) -> str:
        """What it is, as a report names it: a server's URL, a data folder, a store."""

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Result:
        """A canned query. WrongUse, Unreachable."""

    def types(self, plan: str) -> dict[str, str]:
        """The types of a plan's output columns, as far as its payload says them. WrongUse: there is no such plan."""

    def entry(self, plan: str) -> int | None:
        """The ledger entry with a payload of this plan; None where it is not known."""

    def name_entry(self, name: str, dataset: str) -> NameEntry | None:
        """The first ledger entry that gives the dataset this other name; None: it is not known."""

    def rules(self) -> Rules:
        """The naming rules that the graph is drawn with."""

    def erased(self) -> int:
        """The last ledger entry in the graph that says that a payload was erased; 0: none does."""

    def stats(self) -> dict[str, Any]:
        """What there is."""

    def parked(self) -> list[dict[str, Any]]:
        """The entries that could not be brought into the graph."""

    def load(self, places: Iterable[Path], progress: Progress, account: str | None = None) -> Loaded:
        """Bring recorded payloads into the ledger; with `account` all of them as of that account."""

    def state(self, statement: Mapping[str, object]) -> dict[str, Any]:
        """Keep what somebody states, its subject in any spelling. On return the graph has it. WrongUse.

        What was kept: its ledger ``entry``, the ``subject`` and ``value`` as they were found, and how many ``nodes`` it
        is about.
        """

    def snapshots(self, source: str) -> dict[str, str]:
        """By scope the digest of the last snapshot of a source, out of all that the ledger has. Unreachable."""

    def keep_snapshot(self, snapshot: Mapping[str, object]) -> int:
        """Keep all that a system states about one scope; the ledger entry. The graph has it later. WrongUse."""

    def settle(self, progress: Progress) -> None:
        """Wait until what is in the ledger now is in the graph as well. Unreachable: the graph does not move."""

    def close(self) -> None:
        """Let go of it."""


@dataclass
class Remote:
    """A running server."""

    client: Client

    @property
    def place(self) -> str:
        """Its URL."""
        return self.client.url

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Result:
        """A canned query, over HTTP."""
        from headwater.queries.answers.shapes import result_of

        return result_of(self.client.get(f"/api/v1/queries/{name}", parameters))

    def types(self, plan: str) -> dict[str, str]:
        """Over HTTP."""
        return dict(self.client.get("/api/v1/plan-types", [("plan", plan)])["types"])

    def entry(self, plan: str) -> int | None:
        """Over HTTP."""
        found: int | None = self.client.get("/api/v1/plan-entry", [("plan", plan)])["entry"]
        return found

    def name_entry(self, name: str, dataset: str) -> NameEntry | None:
        """Over HTTP."""
        found = self.client.get("/api/v1/name-entry", [("name", name), ("dataset", dataset)])
        if found["entry"] is None:
            return None
        from headwater.ingest.ledger.entries import NameEntry

        return NameEntry(found["entry"], found["kind"], found.get("source") or "")

    def rules(self) -> Rules:
        """Over HTTP; a server of an older version has the default ones."""
        from headwater.graphmodel.naming import DEFAULT, Rules

        try:
            return Rules.from_text(self.client.get("/api/v1/naming")["rules"])
        except WrongUse as error:
            if error.status != _NOT_FOUND:
                raise
            return DEFAULT

    def erased(self) -> int:
        """Over HTTP; a server of an older version does not say."""
        try:
            return int(self.client.get("/api/v1/erased")["entry"])
        except WrongUse as error:
            if error.status != _NOT_FOUND:
                raise
            return 0

    def stats(self) -> dict[str, Any]:
        """What there is."""
        return self.client.get("/api/v1/stats")

    def parked(self) -> list[dict[str, Any]]:
        """All pages of them."""
        out: list[dict[str, Any]] = []
        begin: str | None = "0"
        while begin is not None:
            page = self.client.get("/api/v1/parked", [("next", begin), ("limit", 1_000)])
            out += page["parked"]
            begin = page["next"]
        return out

    def load(self, places: Iterable[Path], progress: Progress, account: str | None = None) -> Loaded:
        """Over HTTP, as an agent would send them. WrongUse: an account is given, which the token alone decides."""
        if account is not None:
            raise WrongUse(
                "a server takes the account from the token alone: send with one of token add --account, or load with"
                " --data into a folder on which no server runs"
            )
        return through(self.client, places, progress)

    def state(self, statement: Mapping[str, object]) -> dict[str, Any]:
        """Over HTTP; then waits for the graph, with a question that costs it nothing else."""
        kept = self.client.post_json("/api/v1/statements", statement)
        self.client.get("/api/v1/parked", [("limit", 1), ("after", kept["entry"])])
        return kept

    def snapshots(self, source: str) -> dict[str, str]:
        """Over HTTP, once the graph has all that the ledger has."""
        after = self.client.readiness()["entries"]
        found = self.client.get("/api/v1/snapshots", [("source", source), ("after", after)])
        return {one["scope"]: one["digest"] for one in found["snapshots"]}

    def keep_snapshot(self, snapshot: Mapping[str, object]) -> int:
        """Over HTTP."""
        return int(self.client.post_json("/api/v1/statements/snapshots", snapshot)["entry"])

    def settle(self, progress: Progress) -> None:
        """As long as the server's graph moves; a receiver has none."""
        try:
            said = self.client.readiness()
        except NoLedger:
            return
        end, begin, moved = said["entries"], _reached(said), time.monotonic()
        reached = begin
        while reached < end:
            if said.get("reason") == "failed" or time.monotonic() - moved > _PATIENCE_SECONDS:
                why = said.get("error") or "they do not get into the graph: headwater doctor"
                raise Unreachable(f"{end - reached:,} entries are kept, and not in the graph yet: {why}")
            time.sleep(_POLL_SECONDS)
            said = self.client.readiness()
            before, reached = reached, _reached(said)
            moved = time.monotonic() if reached > before else moved
            progress(min(reached, end) - begin, end - begin)

    def close(self) -> None:
        """Nothing is held."""


def _reached(readiness: Mapping[str, Any]) -> int:
    """The last entry in the graph; 0 while nobody knows. As of `Client.readiness`."""
    return 0 if readiness["lag"] is None else int(readiness["entries"] - readiness["lag"])


@dataclass
class Local:
    """A data folder that this process has open. `copied`: it cannot be written, and this is a copy of its graph."""

    service: Service
    copied: TemporaryFolder | None = None

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.service.folder)

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Result:
        """A canned query."""
        given = [(key, value) for key, value in parameters if value is not None]
        with translated():
            return self.service.ask(name, given)

    def types(self, plan: str) -> dict[str, str]:
        """From the ledger."""
        with translated():
            return self.service.types(plan)

    def entry(self, plan: str) -> int | None:
        """From the derived tables."""
        with translated():
            return self.service.entry(plan)

    def name_entry(self, name: str, dataset: str) -> NameEntry | None:
        """From the plans in the ledger."""
        with translated():
            return self.service.name_entry(name, dataset)

    def rules(self) -> Rules:
        """Those of the folder."""
        return self.service.rules

    def erased(self) -> int:
        """As the graph says."""
        with translated():
            return self.service.erased()

    def stats(self) -> dict[str, Any]:
        """What there is."""
        with translated():
            return self.service.stats().to_dict()

    def parked(self) -> list[dict[str, Any]]:
        """The parked entries."""
        with translated():
            found = self.service.parked()
        return [{"sequence": p.sequence, "kind": p.kind, "reason": p.reason, "at": p.at_ms} for p in found]

    def load(self, places: Iterable[Path], progress: Progress, account: str | None = None) -> Loaded:
        """Straight into the ledger. WrongUse: the folder cannot be written."""
        self._refuse_if_copied()
        with translated():
            return into(self.service, places, progress, account)

    def state(self, statement: Mapping[str, object]) -> dict[str, Any]:
        """Straight into the ledger, and from it into the graph. WrongUse: the folder cannot be written."""
        self._refuse_if_copied()
        from headwater.ingest.folder.statement_checking import check
        from headwater.ingest.intake.statements import Times, entry_of, said_by_person
        from headwater.ingest.places.user import user_name

        with translated():
            said, notes = said_by_person(statement)
            checked = check(self.service, said)
            found = replace(said, subject=checked.subject, value=checked.value)
            stamped = Times(lambda: time.time_ns() // 1_000_000).stamp(found, checked.after)
            appended = self.service.ledger.append([entry_of(stamped, notes, user_name())])[0]
            self.service.catch_up()
        return {
            "entry": appended.sequence,
            "subject": checked.subject,
            "value": checked.value,
            "nodes": checked.nodes,
        }

    def snapshots(self, source: str) -> dict[str, str]:
        """From the derived tables."""
        with translated():
            return {scope: digest for scope, (_, digest) in self.service.snapshots(source).items()}

    def keep_snapshot(self, snapshot: Mapping[str, object]) -> int:
        """Straight into the ledger. WrongUse: the folder cannot be written."""
        self._refuse_if_copied()
        from headwater.ingest.intake.statements import snapshot_entry

        with translated():
            entry = snapshot_entry(snapshot, time.time_ns() // 1_000_000)
            return self.service.ledger.append([entry])[0].sequence

    def settle(self, progress: Progress) -> None:
        """In this thread."""
        with translated():
            self.service.catch_up(progress)

    def close(self) -> None:
        """Close the folder."""
        self.service.close()
        if self.copied is not None:
            self.copied.cleanup()

    def _refuse_if_copied(self) -> None:
        if self.copied is not None:
            raise WrongUse(f"{self.service.folder} cannot be written by this user: it can only be asked")


def find(
    data: Path,
    store: str | None = None,
    server: str | None = None,
    progress: Progress | None = None,
    *,
    create: bool = True,
) -> Source:
    """The server named, else the one that runs on the data folder, else the folder, its graph brought up to date.

    Of a folder that cannot be written, a copy of its graph is asked, in a temporary folder.

    A folder is made where there is none and `create` is asked for. Without it a store that machines share is asked
    even where its ledger is not, and only read; for another one that is WrongUse. Of a folder whose ledger is elsewhere
    the graph is only read, and no second ledger is begun.
    """
    if server is not None:
        return Remote(Client(server))
    from headwater.ingest.ledger.ledger import holds_ledger

    client = running(data, store)
    if client is not None:
        return Remote(client)
    if not create and store is not None and store.startswith(SHARED) and not holds_ledger(data):
        return ReadOnly.open(store)
    elsewhere = _elsewhere(data, store)
    if elsewhere is not None:
        return elsewhere
    if not create:
        has_ledger(data)
    return _copied(data, store, progress) or Local(open_service(data, store, progress))


def _elsewhere(data: Path, store: str | None) -> Source | None:
    """The graph of a data folder whose ledger is elsewhere, only read; None: it is not such a folder."""
    from headwater.ingest.folder.ledger_elsewhere import ledger_elsewhere, ledger_is_missing
    from headwater.ingest.folder.targets import opened_at

    place = ledger_elsewhere(data)
    if place is None:
        return None
    try:
        return ReadOnly.open(opened_at(data, store), place, missing=ledger_is_missing(data))
    except HeadwaterError as error:
        message = f"{place}; its graph cannot be read now, ask the ingester (--port) or the store: {error.message}"
        raise type(error)(message, error.suggestions, error.status) from error


def _copied(data: Path, store: str | None, progress: Progress | None) -> Source | None:
    """A source that only reads, for a folder that cannot be written; None: it can be."""
    from headwater.ingest.folder.copying import can_only_be_read, copy_graph
    from headwater.ingest.folder.targets import is_own

    if not can_only_be_read(data):
        return None
    if store is not None and store.startswith(SHARED):
        return ReadOnly.open(store)
    if not is_own(data, store):
        raise WrongUse(f"{data} cannot be written by this user, so the graph in {store} cannot be brought up to date")
    place = TemporaryFolder()
    try:
        with translated():
            copy_graph(data, place.path)
        return Local(open_service(data, None, progress, place.path), place)
    except BaseException:
        place.cleanup()
        raise


def has_ledger(folder: Path) -> None:
    """WrongUse: it has none. A question to a folder that was misspelt must not make that folder."""
    from headwater.ingest.ledger.ledger import holds_ledger

    refuse_second_ledger(folder)
    if not holds_ledger(folder):
        raise WrongUse(f"there is nothing in {folder} yet: `headwater serve` or `headwater load` begins it")


def refuse_second_ledger(folder: Path) -> None:
    """WrongUse: the folder has the tables of a ledger that is elsewhere, so that none may begin in it."""
    from headwater.ingest.folder.ledger_elsewhere import ledger_elsewhere

    place = ledger_elsewhere(folder)
    if place is not None:
        raise WrongUse(f"{place}: name that ledger, or another data folder")


def folder_of_ledger(folder: Path, server: str | None, command: str, *, named: bool) -> Path:
    """The data folder whose ledger a `command` reads: `folder`, or that of a `server` on this machine.

    `named`: the user chose the folder. Else it has to be the one that this server runs on: the default folder may hold
    another ledger, and all that is said of that one would be taken for the server's. WrongUse: the server's is not
    known, or not on this machine.
    """
    from headwater.ingest.ledger.ledger import holds_ledger

    if not server:
        return folder
    missing = not holds_ledger(folder)
    if missing or not (named or _runs_on(folder, server)):
        told = None if named else _folder_told_by(server)
        if told is not None and holds_ledger(told) and _runs_on(told, server):
            return told
        why = f"there is no ledger in {folder}" if missing else f"it does not run on {folder}"
        raise WrongUse(
            f"headwater {command} reads the ledger's file, which the server {server} does not send: on the server's "
            f"machine, name its data folder with --data DIR; {why}"
        )
    return folder


def _folder_told_by(server: str) -> Path | None:
    """The data folder that a server on this machine says it runs on, to who may do all there."""
    client = Client(server)
    if not client.is_here:
        return None
    try:
        told = client.get("/api/v1/me").get("folder")
    except HeadwaterError:
        return None
    return Path(told) if isinstance(told, str) else None


def _runs_on(folder: Path, server: str) -> bool:
    """Whether the server with this URL is the one that runs on a data folder, by whatever address."""
    own = running(folder)
    if own is None:
        return False
    instance = json.loads((folder / SERVER_FILE).read_text(encoding="utf-8"))["instance"]
    return own.url == server.rstrip("/") or Client(server).alive(instance)


def open_service(
    folder: Path, store: str | None = None, progress: Progress | None = None, copy: Path | None = None
) -> Service:
    """The data folder, opened by this process, with all entries in the graph. `copy` is as of `Service.open`."""
    from headwater.ingest.folder.service import Service

    with translated():
        service = Service.open(folder, store, copy=copy)
        try:
            service.catch_up(progress)
        except BaseException:
            service.close()
            raise
        return service
