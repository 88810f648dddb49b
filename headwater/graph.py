"""The graph in Python: `open`, and answers that a notebook draws."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from headwater.errors import WrongUse
from headwater.loading import Loaded
from headwater.settings import DATA, SERVER, STORE, default_data
from headwater.source import Source, find

if TYPE_CHECKING:
    from datetime import datetime

    import networkx as nx
    import pandas as pd

    from queries.answer import Answer, Edge, Node, Table

Type = Literal["direct", "indirect", "all"]
Level = Literal["column", "dataset"]
Direction = Literal["upstream", "downstream", "both"]


def open(data: str | Path | None = None, *, store: str | None = None, server: str | None = None) -> Graph:  # noqa: A001 - hw.open() reads best
    """The graph of a data folder, or of a server.

    Without arguments: what HEADWATER_SERVER, HEADWATER_DATA and HEADWATER_STORE name, else the default data folder,
    through the server that runs on it if one does; a folder that is not there is made. `server` is a URL; a token is
    taken from HEADWATER_TOKEN. Raises `headwater.errors.Unreachable` if another process has the folder open.
    """
    if data is None and store is None and server is None:
        server = os.environ.get(SERVER.variable)
    folder = Path(data or os.environ.get(DATA.variable) or default_data())
    return Graph(find(folder, store or os.environ.get(STORE.variable), server))


class Graph:
    """Questions to one graph. A context manager; `close` lets go of the data folder."""

    def __init__(self, source: Source) -> None:
        """Use `headwater.open`."""
        self._source = source

    def upstream(
        self,
        node: str,
        *,
        type: Type = "direct",  # noqa: A002 - the parameter's name everywhere
        depth: int | None = None,
        level: Level | None = None,
        as_of: str | int | datetime | None = None,
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
        as_of: str | int | datetime | None = None,
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
        as_of: str | int | datetime | None = None,
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

    def query(self, name: str, **parameters: object) -> Lineage | Rows:
        """Any canned query by its name, with its parameters: docs/queries.md lists them."""
        from queries.answer import Answer

        found = self._source.ask(name, _given(parameters))
        return Lineage(found) if isinstance(found, Answer) else Rows(found)

    def search(self, q: str, *, limit: int | None = None, next: str | None = None) -> Rows:  # noqa: A002 - as in the API
        """Datasets, columns and jobs by a part of their name. `next` is that of the page before."""
        return self._rows("search", q=q, limit=limit, next=next)

    def datasets(self, *, limit: int | None = None, next: str | None = None) -> Rows:  # noqa: A002 - as above
        """All datasets, a page at a time."""
        return self._rows("datasets", limit=limit, next=next)

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

    def stats(self) -> dict[str, Any]:
        """Entries, lag, parked, waiting; vertices and edges by label."""
        return self._source.stats()

    def close(self) -> None:
        """Let go of the data folder."""
        self._source.close()

    def __enter__(self) -> Graph:  # noqa: PYI034 - Self is 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lineage(self, name: str, **parameters: object) -> Lineage:
        found = self.query(name, **parameters)
        assert isinstance(found, Lineage), "lineage queries answer with nodes and edges"
        return found

    def _rows(self, name: str, **parameters: object) -> Rows:
        found = self.query(name, **parameters)
        assert isinstance(found, Rows), "this query answers with rows"
        return found


def _unseen(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


def _given(parameters: Mapping[str, object]) -> list[tuple[str, object]]:
    """Python's names of parameters as the queries have them: `as_of` is `asOf`."""
    return [("asOf" if key == "as_of" else key, value) for key, value in parameters.items() if value is not None]


class Lineage:
    """A lineage answer. `nodes` and `edges` are as in the HTTP API; edges point the way the data flows."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    @property
    def root(self) -> str:
        """The id of the node that was asked about."""
        return self._answer.root

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Ordered by distance, then id."""
        return self._answer.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Ordered by target, then source."""
        return self._answer.edges

    @property
    def complete(self) -> bool:
        """Whether this is all; else `reason` says why not: limit, deadline or depth."""
        return self._answer.complete

    @property
    def reason(self) -> str | None:
        """Why it is not complete."""
        return self._answer.reason

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON, in the shape of the HTTP API."""
        return self._answer.to_dict()

    def to_pandas(self) -> pd.DataFrame:
        """The edges as a frame. Needs the extra `frames`."""
        from queries.frames import to_pandas

        return to_pandas(self._answer)

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """The answer as a directed multigraph. Needs the extra `frames`."""
        from queries.frames import to_networkx

        return to_networkx(self._answer)

    def to_mermaid(self) -> str:
        """A Mermaid flow chart."""
        from queries.render import mermaid

        return mermaid(self._answer)

    def to_dot(self) -> str:
        """A Graphviz digraph."""
        from queries.render import dot

        return dot(self._answer)

    def __str__(self) -> str:
        from queries.render import text

        return text(self._answer)

    def __repr__(self) -> str:
        state = "complete" if self.complete else f"not complete: {self.reason}"
        size = f"{len(self.nodes)} nodes, {len(self.edges)} edges"
        return f"<Lineage {self._answer.direction} of {self.root}: {size}, {state}>"

    def _repr_html_(self) -> str:
        """The tree, for a notebook: escaped, without a network."""
        return f"<pre>{html.escape(str(self))}</pre>"


class Rows:
    """An answer of rows: a sequence of mappings. `next` is the parameter `next` of the following page."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of every row."""
        return self._table.columns

    @property
    def next(self) -> str | None:
        """None on the last page."""
        return self._table.next

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._table.rows)

    def __len__(self) -> int:
        return len(self._table.rows)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        return self._table.rows[index]

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON."""
        return self._table.to_dict()

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a frame. Needs the extra `frames`."""
        from queries.frames import to_pandas

        return to_pandas(self._table)

    def __repr__(self) -> str:
        return f"<Rows of {self._table.query}: {len(self)} rows>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        cells = ("".join(f"<td>{html.escape(str(row[name]))}</td>" for name in self.columns) for row in self)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
