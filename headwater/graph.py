"""The graph in Python: `open`, and what can be asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from headwater import annotate
from headwater.annotate import Receipt
from headwater.errors import HeadwaterError, WrongUse
from headwater.loading import Loaded
from headwater.notebook import Audit, Impact, Lineage, Paths, Rows
from headwater.read_only import SHARED, ReadOnly
from headwater.settings import DATA, SERVER, STORE, data_folder, default_data
from headwater.source import Source, find
from headwater.temporary import TemporaryFolder

if TYPE_CHECKING:
    from headwater.queries.answers.answer import Answer
    from headwater.queries.answers.shapes import Result
    from headwater.widget import AskAgain

Type = Literal["direct", "indirect", "all"]
Level = Literal["column", "dataset"]
Change = Literal["drop", "rename", "retype", "semantics", "rows"]
Time = str | int | datetime  #: as text, in ms since 1970, or a datetime (without a zone in UTC); or a run's id
Direction = Literal["upstream", "downstream", "both"]


def open(data: str | Path | None = None, *, store: str | None = None, server: str | None = None) -> Graph:  # noqa: A001 - hw.open() reads best
    """The graph of a data folder, of a server (``http://...``), or of a store alone (``neptune://...``, ``ws://...``).

    A store alone, without the folder of its ledger, is only read.

    Without arguments: what HEADWATER_SERVER, HEADWATER_DATA and HEADWATER_STORE name, else the default data folder,
    through the server that runs on it if one does; a folder that is not there is made. `server` is a URL; a token is
    taken from HEADWATER_TOKEN. Raises `headwater.errors.Unreachable` if another process has the folder open, and
    `WrongUse` for a URL that is none of these.
    """
    if isinstance(data, str) and data.startswith(SHARED):
        return Graph(ReadOnly.open(data))
    if isinstance(data, str) and data.startswith(("http://", "https://")):
        data, server = None, data
    if data is None and store is None and server is None:
        server = os.environ.get(SERVER.variable)
    folder = data_folder(data or os.environ.get(DATA.variable) or default_data())
    return Graph(find(folder, store or os.environ.get(STORE.variable), server))


def example() -> Graph:
    """The pipeline of seven jobs of ``headwater demo``, in a temporary folder: something to ask at once."""
    from headwater.demo import payloads

    folder = TemporaryFolder()
    graph = Graph(find(folder.path / "data"), folder)
    graph.load(payloads())
    return graph


class Graph:
    """Questions to one graph. A context manager; `close` lets go of the data folder."""

    def __init__(self, source: Source, folder: TemporaryFolder | None = None) -> None:
        """Use `headwater.open`. `folder` is gone with the graph."""
        self._source = source
        self._folder = folder

    def upstream(
        self,
        node: str,
        *,
        type: Type = "direct",  # noqa: A002 - the parameter's name everywhere
        depth: int | None = None,
        level: Level | None = None,
        as_of: Time | None = None,
        limit: int | None = None,
    ) -> Lineage:
        """Where a dataset or column comes from, in any spelling.

        `type`: direct is what values are made of, all also filters, joins and keys, indirect only these, of the node
        itself. `depth`: hops to follow; None is all. `level`: None is the node's own. `as_of`: None is now, "ever" all
        that ever held; else a time (text, ms since 1970, or a datetime, without a zone in UTC) or the id of a run: what
        held then, or for it. `limit`: nodes to keep, the nearest first. WrongUse: the node does not exist; it says near
        ones.
        """
        return self._lineage("upstream", node=node, type=type, depth=depth, level=level, as_of=as_of, limit=limit)

    def downstream(
        self,
        node: str,
        *,
        type: Type = "direct",  # noqa: A002 - as above
        depth: int | None = None,
        level: Level | None = None,
        as_of: Time | None = None,
        limit: int | None = None,
    ) -> Lineage:
        """What is made of a dataset or column. Parameters as those of `upstream`."""
        return self._lineage("downstream", node=node, type=type, depth=depth, level=level, as_of=as_of, limit=limit)

    def lineage(
        self,
        node: str,
        *,
        direction: Direction = "both",
        type: Type = "direct",  # noqa: A002 - as above
        depth: int | None = None,
        level: Level | None = None,
        as_of: Time | None = None,
        limit: int | None = None,
    ) -> Lineage:
        """Both at once, or the `direction` given. Parameters as those of `upstream`."""
        return self._lineage(
            "lineage",
            node=node,
            direction=direction,
            type=type,
            depth=depth,
            level=level,
            as_of=as_of,
            limit=limit,
        )

    def impact(
        self,
        node: str,
        *,
        change: Change = "drop",
        depth: int | None = None,
        as_of: Time | None = None,
        limit: int | None = None,
    ) -> Impact:
        """What a change of a dataset or column comes to, graded. `limit`: nodes to look at, the nearest first."""
        found = self.query("impact", node=node, change=change, depth=depth, as_of=as_of, limit=limit)
        assert isinstance(found, Impact), "the query impact answers with an impact"
        return found

    def paths(
        self,
        node: str,
        other: str,
        *,
        ways: Literal["shortest", "all"] = "shortest",
        type: Literal["direct", "all"] = "direct",  # noqa: A002 - as above
        as_of: Time | None = None,
        limit: int | None = None,
    ) -> Paths:
        """How data gets from one node to the other, whichever way round. `limit`: paths to list, the shortest first."""
        given = {"from": node, "to": other, "ways": ways, "type": type, "as_of": as_of, "limit": limit}
        found = self.query("paths", **given)
        assert isinstance(found, Paths), "the query paths answers with paths"
        return found

    def inputs(self, node: str, *, depth: int | None = None, limit: int | None = None) -> Rows:
        """The versions of datasets that a run read, who wrote each, whether it was overwritten since.

        `node`: a run, a Glue job run, a Spark application, a dataset version, a dataset: its newest version, or
        a job: its last run that succeeded.
        `depth`: runs to go back; None is 1, what the run itself read.
        """
        return self._rows("inputs", node=node, depth=depth, limit=limit)

    def why(self, node: str, *, limit: int | None = None) -> Rows:
        """What may be the cause if a dataset or column looks wrong, the newest fact first.

        The last writes, upstream jobs that failed or are late, the last changes of the logic, hops that are behind,
        and owners.
        """
        return self._rows("why", node=node, limit=limit)

    def consumers(self, node: str, *, depth: int | None = None, limit: int | None = None) -> Rows:
        """The runs that read what a run wrote, directly or through others, in the order in which to run them again.

        `node`: as for `inputs`. `depth`: runs to go on; None is all, 1 those that read it directly. `rerun` is None
        for a run that wrote nothing, or only what was overwritten since.
        """
        return self._rows("consumers", node=node, depth=depth, limit=limit)

    def diff(self, node: str, *, from_: Time | None = None, to: Time | None = None) -> Rows:
        """What changed in a dataset, or in what a job writes, between two times; `to` None is now.

        Without `from_` a job's last logic is compared with the one before it; a dataset needs it. The query diff-runs
        compares two runs.
        """
        return self._rows("diff", node=node, from_=from_, to=to)

    def changes(self, node: str, *, upstream: bool = False, from_: Time | None = None, to: Time | None = None) -> Rows:
        """When the logic of a dataset or column changed and by which run, the first change first.

        `upstream`: also the changes of all that it ever came from.
        """
        return self._rows("changes", node=node, upstream=upstream, from_=from_, to=to)

    def audit(self, node: str, *, as_of: Time | None = None) -> Audit:
        """What a model was made of: an endpoint, model, package or job of SageMaker, by ARN, kind/name or name."""
        found = self.query("audit", node=node, as_of=as_of)
        assert isinstance(found, Audit), "the query audit answers with an audit"
        return found

    def query(self, name: str, **parameters: object) -> Lineage | Rows | Impact | Paths | Audit:
        """Any canned query by its name, with its parameters: docs/queries.md lists them."""
        found = self._source.ask(name, _given(parameters))
        return _for_notebook(found, partial(self._lineage_again, name, parameters))

    def search(self, q: str, *, limit: int | None = None, next: str | None = None) -> Rows:  # noqa: A002 - as in the API
        """Datasets, columns and jobs by a part of their name. `next` is that of the page before."""
        return self._rows("search", q=q, limit=limit, next=next)

    def datasets(self, *, limit: int | None = None, next: str | None = None) -> Rows:  # noqa: A002 - as above
        """All datasets, a page at a time."""
        return self._rows("datasets", limit=limit, next=next)

    def columns(self, dataset: str, *, limit: int | None = None, next: str | None = None) -> Rows:  # noqa: A002 - as above
        """The columns of a dataset, in any spelling of its name."""
        return self._rows("columns", dataset=dataset, limit=limit, next=next)

    def jobs(self, *, limit: int | None = None, next: str | None = None) -> Rows:  # noqa: A002 - as above
        """All jobs, a page at a time."""
        return self._rows("jobs", limit=limit, next=next)

    def runs(
        self,
        job: str | None = None,
        *,
        failed: bool = False,
        since: Time | timedelta | None = None,
        limit: int | None = None,
        next: str | None = None,  # noqa: A002 - as above
    ) -> Rows:
        """The runs of all jobs, the newest first, a page at a time.

        `job`: only of jobs with this in their name; with ``*``, whose whole name matches. `since`: a time, or how long
        ago as a timedelta.
        """
        if isinstance(since, timedelta):
            since = datetime.now(timezone.utc) - since
        status = "failed" if failed else None
        return self._rows("latest-runs", status=status, since=since, job=job, limit=limit, next=next)

    def explain(self, node: str, source: str | None = None, *, limit: int | None = None) -> Rows:
        """Why a node comes from `source`, or from all that it is made of, and why its names are one."""
        return self._rows("explain", node=node, source=source, limit=limit)

    def estate(self, *, limit: int | None = None) -> dict[str, Rows]:
        """What nobody reads, what stopped running, what has no lineage: the answers by the names of their queries."""
        from headwater.queries.catalogue.catalogue import ESTATE

        return {known.name: self._rows(known.name, limit=limit) for known in ESTATE}

    def load(self, *places: str | Path) -> Loaded:
        """Load recorded payloads: files, and folders of them; what became of each is in the result.

        Returns when they are in the graph. WrongUse: a place does not exist.
        """
        paths = [Path(place) for place in places]
        missing = [str(path) for path in paths if not path.exists()]
        if missing:
            raise WrongUse(f"there is no {missing[0]}")
        loaded = self._source.load(paths, _unseen)
        self._source.settle(_unseen)
        return loaded

    def tag(
        self, node: str, tag: str, *, withdraw: bool = False, by: str | None = None, reason: str | None = None
    ) -> Receipt:
        """Give a dataset, column or job a tag (``pii``, ``owner=ann``), or take it back; on return answers show it.

        `node` is in any spelling, or a pattern with ``*`` that also tags what comes later. `by` is this user if not
        given. WrongUse: there is no such node, or no such tag to withdraw.
        """
        return annotate.tag(self._source, node, tag, withdraw=withdraw, by=by, reason=reason)

    def describe(self, node: str, text: str, *, by: str | None = None, reason: str | None = None) -> Receipt:
        """Describe a dataset, column or job; the last description counts. WrongUse: there is no such node."""
        return annotate.describe(self._source, node, text, by=by, reason=reason)

    def keep_snapshot(self, snapshot: Mapping[str, object]) -> int:
        """Keep all that a system (a catalogue, a registry) states about one scope; the number of its ledger entry.

        A mapping with ``source``, ``scope`` and ``statements``: docs/snapshots.md. What the system stated of the scope
        before, and does not any more, is withdrawn. Returns when it is in the graph. WrongUse names what is wrong.
        """
        entry = self._source.keep_snapshot(snapshot)
        self._source.settle(_unseen)
        return entry

    def stats(self) -> dict[str, Any]:
        """Entries, lag, parked, waiting; vertices and edges by label."""
        return self._source.stats()

    def close(self) -> None:
        """Let go of the data folder."""
        self._source.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __repr__(self) -> str:
        try:
            counted = self.stats()
        except HeadwaterError as error:
            return f"<Graph: {error.message}>"
        labels = ("dataset", "column", "job", "run")
        sizes = ", ".join(f"{counted['vertices'].get(label, 0):,} {label}s" for label in labels)
        lag = f"; {counted['lag']:,} entries are not in it yet" if counted.get("lag") else ""
        return f"<Graph: {sizes}{lag}>"

    def __enter__(self) -> Graph:  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lineage_again(self, name: str, parameters: Mapping[str, object], **changed: object) -> Answer:
        """A lineage question with other parameters: `lineage` has those of all its kinds."""
        from headwater.queries.answers.answer import Answer

        direction = {} if name == "lineage" else {"direction": name}
        found = self._source.ask("lineage", _given({**parameters, **direction, **changed}))
        assert isinstance(found, Answer), "lineage answers with nodes and edges"
        return found

    def _lineage(self, name: str, **parameters: object) -> Lineage:
        found = self.query(name, **parameters)
        assert isinstance(found, Lineage), "lineage queries answer with nodes and edges"
        return found

    def _rows(self, name: str, **parameters: object) -> Rows:
        found = self.query(name, **parameters)
        assert isinstance(found, Rows), "this query answers with rows"
        return found


def _for_notebook(found: Result, again: AskAgain) -> Lineage | Rows | Impact | Paths | Audit:
    """An answer as what a notebook draws; `again` is for lineage."""
    from headwater.queries.answers.answer import Answer, Table
    from headwater.queries.answers.audit import Audit as AuditOfModel
    from headwater.queries.answers.impact import Impact as ImpactOfChange

    if isinstance(found, AuditOfModel):
        return Audit(found)
    if isinstance(found, Answer):
        return Lineage(found, again)
    if isinstance(found, ImpactOfChange):
        return Impact(found)
    return Rows(found) if isinstance(found, Table) else Paths(found)


def _unseen(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


def _given(parameters: Mapping[str, object]) -> list[tuple[str, object]]:
    """Python's names of parameters as the queries have them: `as_of` is `asOf`, `from_` is `from`."""
    names = {"as_of": "asOf", "from_": "from"}
    return [(names.get(key, key), value) for key, value in parameters.items() if value is not None]
