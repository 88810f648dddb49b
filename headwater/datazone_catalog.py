"""`headwater datazone sync`: what people say in the catalogue of a domain of Amazon DataZone, as statements.

What is as it was last time is not sent. Not here: the calls and what they come to (`headwater.aws_bridge`), lineage
events (`headwater.datazone`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headwater.ingest.progress import Progress
from headwater.snapshot_sending import LONGEST, Sender, Synced

if TYPE_CHECKING:
    from headwater.aws_bridge.datazone_catalog import Reading
    from headwater.aws_bridge.datazone_catalog_client import DomainCatalog
    from headwater.source import Source


@dataclass
class Read:
    """What a sync did, and what it saw."""

    synced: Synced
    assets: int = 0
    columns: int = 0
    terms: int = 0
    projects: int = 0
    without_place: list[str] = field(default_factory=list)  #: names of assets that are no table and no files

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        counts = {"assets": self.assets, "columns": self.columns, "terms": self.terms, "projects": self.projects}
        return {**counts, "withoutPlace": self.without_place, **self.synced.to_dict()}


def sync(catalog: DomainCatalog, source: Source, progress: Progress, *, dry_run: bool = False) -> Read:
    """Bring the catalogue of a domain into a ledger. AwsError: it cannot be read; WrongUse, Unreachable.

    Where no asset is seen, nothing is taken back of what was sent: mostly a permission or a membership was lost.
    """
    from headwater.aws_bridge.datazone_catalog import SOURCE, snapshots, terms_of

    done = Synced()
    sender = Sender(source, SOURCE, done, dry_run=dry_run)
    terms = terms_of(catalog.glossaries(), catalog.terms())
    assets = []
    for asset in catalog.assets():
        assets.append(asset)
        progress(len(assets), len(assets))
    ids = sorted({str(asset["owningProjectId"]) for asset in assets})
    projects = {one: name for one in ids if (name := catalog.project(one)) is not None}
    parts, reading = snapshots(catalog.domain, assets, terms, projects, LONGEST)
    if assets:
        sender.send_parts(parts, reading.assets, reading.columns)
        sender.withdraw(lambda scope: scope.partition("/")[0] == catalog.domain)
    done.left_out = catalog.unreadable
    done.calls, done.retries = dict(sorted(catalog.calls.made.items())), catalog.calls.retries
    return _read(done, reading, len(projects))


def _read(done: Synced, reading: Reading, projects: int) -> Read:
    return Read(done, reading.assets, reading.columns, reading.terms, projects, reading.without_place)
