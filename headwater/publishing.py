"""`headwater publish`: from the text of a target and of a selection to what is published, and where.

Here: targets, and which datasets belong to a node. Not here: the follower (`ingest.publishing`).
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import headwater
from headwater.errors import Unreachable, WrongUse
from headwater.ingest.progress import Progress
from headwater.settings import PUBLISH_TOKEN
from headwater.source import has_ledger
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.ingest.publishing.running import Published, Target
    from headwater.source import Source

_DOMAIN = re.compile(r"dzd[-_][a-zA-Z0-9_-]{1,36}")
_MOST = 100_000  #: datasets of a part of the graph


def publish(  # noqa: PLR0913 - the options of the command
    data: Path,
    to: str,
    *,
    since: str | None = None,
    node: str | None = None,
    asking: Callable[[], Source] | None = None,
    store: str | None = None,
    again: bool = False,
    stop: threading.Event | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Published:
    """Publish the runs of a data folder to a target (`target_of`); see docs/openlineage-out.md.

    `since` is a time: runs that ended before it are left out. `node` is a dataset, column or job: only runs that read
    or write one of the datasets of its lineage now, on both sides; `asking` gives the source that is asked for it.
    WrongUse: a target, a time or a node is none; Unreachable: the target is away.
    """
    from headwater.ingest.publishing.publisher import Selection
    from headwater.ingest.publishing.running import publish as run
    from headwater.openlineage_bridge.emit import producer

    has_ledger(data)
    with translated():
        at = None if since is None else _milliseconds(since)
        datasets = None
        if node is not None and asking is not None:
            datasets = frozenset(_datasets(asking(), node))
        return run(
            data,
            target_of(to, node),
            producer(headwater.__version__),
            Selection(at, datasets),
            progress,
            store=store,
            again=again,
            stop=stop,
        )


def target_of(to: str, node: str | None = None) -> Target:
    """The target of a text.

    ``http[s]://...`` is an OpenLineage backend, ``datazone://DOMAIN`` a domain of DataZone, ``-`` standard output; what
    else has no ``://`` is a file. WrongUse: it is none of these.
    """
    from headwater.ingest.publishing.backends import FileBackend, HttpBackend, endpoint
    from headwater.ingest.publishing.running import Target

    part = f" {node}" if node else ""
    scheme, mark, _ = to.partition("://")
    if mark and scheme.lower() in {"http", "https"}:
        token = os.environ.get(PUBLISH_TOKEN.variable)
        _check_url(to, token)
        return Target(f"{endpoint(to)}{part}", lambda: HttpBackend(to, token))
    if to.startswith("datazone://"):
        return _domain(to, part)
    if mark:  # what comes after it can have a password in it, and is not repeated
        raise WrongUse(f"'{scheme}://...' is no target: expected http[s]://HOST, datazone://DOMAIN, a file, or -")
    if to == "-":
        return Target(f"-{part}", lambda: FileBackend(to), is_new=True)
    path = Path(to).absolute()
    return Target(f"{path}{part}", lambda: FileBackend(to), is_new=not path.exists())


def _check_url(to: str, token: str | None) -> None:
    """WrongUse: nothing can be sent to this URL, or it says a user and there is a token too. It is not repeated."""
    try:
        address = urlsplit(to)
        wrong = not address.hostname or address.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise WrongUse("--to is no URL of a backend: expected http[s]://HOST[:PORT][/PATH], a password with %2F for /")
    if token and "@" in address.netloc:
        raise WrongUse(f"--to says a user, and {PUBLISH_TOKEN.variable} a token: only one of them can be sent")


def _domain(to: str, part: str) -> Target:
    """``datazone://dzd_abc123?region=eu-west-1``: the region is AWS's own setting where it is not said."""
    from headwater.aws_bridge.datazone import Domain
    from headwater.ingest.publishing.datazone import DataZoneBackend
    from headwater.ingest.publishing.running import Target

    domain, _, query = to.removeprefix("datazone://").partition("?")
    domain = domain.removesuffix("/")
    region = dict(parse_qsl(query)).get("region")
    if not _DOMAIN.fullmatch(domain):
        shown = domain.rpartition("@")[2]  # without what can be a password
        raise WrongUse(f"{shown!r} is no domain of DataZone: expected datazone://dzd_..., as its console shows it")
    name = f"datazone://{domain}?region={region or ''}{part}"
    return Target(name, lambda: DataZoneBackend(Domain.connect(domain, region)))


def _milliseconds(since: str) -> int:
    from headwater.queries.tracing.as_of import milliseconds

    at = milliseconds(since, "since")
    if at is None:
        raise WrongUse(f"{since!r} is no time: expected 2026-03-01, 2026-03-01T08:00Z, or seconds or ms since 1970")
    return at


def _datasets(source: Source, node: str) -> list[str]:
    """The datasets of the lineage of a dataset or column, itself too, on both sides. Unreachable: not all are known.

    What an erasure took away is known to nobody, and is no reason to publish nothing.
    """
    from headwater.queries.answers.answer import Answer, why_incomplete

    asked: list[tuple[str, object]] = [("node", node), ("direction", "both"), ("level", "dataset"), ("limit", _MOST)]
    try:
        answer = source.ask("lineage", asked)
    finally:
        source.close()
    assert isinstance(answer, Answer), "this query answers with nodes and edges"
    if answer.reason in {"limit", "deadline", "rebuilding"}:  # runs of the others would be passed over for ever
        raise Unreachable(f"the lineage of {node} is not known as a whole: {why_incomplete(answer.reason)}")
    return [one.dataset for one in answer.nodes]
