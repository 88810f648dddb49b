"""All events of one run together: the run as far as its events say, whatever their order and however often they came.

A fold over the set of events. Inputs, outputs and facets add up; of a facet that came several times the latest one
counts, whole. The state FAIL or ABORT wins over COMPLETE: a failed Spark write sends FAIL and then, ms later, COMPLETE.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.graphmodel.naming import Name, Rules
from headwater.openlineage_bridge import names
from headwater.openlineage_bridge.events import ENDS, Json, LineageEvent, objects_in


@dataclass(frozen=True)
class FoldedDataset:
    """A dataset of a run. `facets` are those of the dataset, `own` those of the input or the output."""

    name: Name
    pairs: tuple[tuple[str, str], ...]  #: namespace and name, as they were sent
    facets: Mapping[str, Json]
    own: Mapping[str, Json]
    first_version: str | None = None  #: the version that the earliest event says; later ones are of after the run


@dataclass(frozen=True)
class FoldedRun:
    """A run, the latest state of a job that was declared without one, or what a DatasetEvent says.

    Times in ns since 1970. `end` None: no event has ended it. `others` are the names that its job has in its events.
    """

    group: str
    run_id: str
    job: tuple[str, str]
    others: tuple[tuple[str, str], ...]
    states: frozenset[str]
    start: int
    end: int | None
    run_facets: Mapping[str, Json]
    job_facets: Mapping[str, Json]
    inputs: Mapping[str, FoldedDataset]  #: by URI, in order of the URI
    outputs: Mapping[str, FoldedDataset]
    digest: str  #: a hash of the set of its events
    symlinks: Mapping[str, str] = field(default_factory=dict)  #: URI of another name -> URI of the dataset
    account: str = ""  #: for which it was reported; empty: for none

    @property
    def state(self) -> str | None:
        """FAIL, ABORT or COMPLETE; None while it is open."""
        return next((end for end in ENDS if end in self.states), None)

    @property
    def is_dataset(self) -> bool:
        """Whether it is what a DatasetEvent says of its one output."""
        return self.group.startswith("dataset:")


def fold(events: Iterable[LineageEvent], rules: Rules) -> FoldedRun | None:
    """The run of these events, which are all of one group; None for no events."""
    known = {one.digest: one for one in events}
    ordered = sorted(known.values(), key=lambda one: one.order)
    if not ordered:
        return None
    last = ordered[-1]
    if not last.is_run:
        ordered = [last]  # it replaces what was declared before
    ends = [one.at for one in ordered if one.state in ENDS] if last.is_run else [last.at]
    inputs, outputs = (_datasets(ordered, side, rules) for side in ("inputs", "outputs"))
    jobs = dict.fromkeys(one.job for one in reversed(ordered))
    return FoldedRun(
        group=last.group,
        run_id=last.run_id,
        job=last.job,
        others=tuple(sorted(jobs)),
        states=frozenset(one.state for one in ordered),
        start=ordered[0].at,
        end=max(ends) if ends else None,
        run_facets=_latest(one.facets("run") for one in ordered),
        job_facets=_latest(one.facets("job") for one in ordered),
        inputs=inputs,
        outputs=outputs,
        digest=hashlib.sha256("".join(sorted(known)).encode()).hexdigest(),
        symlinks=_symlinks([*outputs.values(), *inputs.values()], rules),
        account=last.account,
    )


def _latest(facets: Iterable[Json]) -> dict[str, Json]:
    """The facets that hold after all these, in order of time."""
    merged: dict[str, Json] = {}
    for some in facets:
        merged.update(some)
    return {name: facet for name, facet in merged.items() if not facet.get("_deleted")}


def _datasets(ordered: Sequence[LineageEvent], side: str, rules: Rules) -> dict[str, FoldedDataset]:
    sent: dict[str, list[Json]] = {}
    named: dict[str, Name] = {}
    for one in ordered:
        for dataset in one.datasets(side):
            name = names.name(dataset["namespace"], dataset["name"], rules)
            if name is None:
                continue
            known = named.setdefault(name.uri, name)
            if known.partition != name.partition:  # several partitions of it
                named[name.uri] = names.without_partition(known)
            sent.setdefault(name.uri, []).append(dataset)
    return {uri: _dataset(named[uri], sent[uri], side) for uri in sorted(sent)}


def _dataset(name: Name, sent: Sequence[Json], side: str) -> FoldedDataset:
    versions = (objects_in(one, "facets").get("version", {}).get("datasetVersion") for one in sent)
    return FoldedDataset(
        name=name,
        pairs=tuple(sorted({(one["namespace"], one["name"]) for one in sent})),
        facets=_latest(objects_in(one, "facets") for one in sent),
        own=_latest(objects_in(one, f"{side[:-1]}Facets") for one in sent),
        first_version=next((found for found in versions if isinstance(found, str)), None),
    )


def _symlinks(datasets: Iterable[FoldedDataset], rules: Rules) -> dict[str, str]:
    """Of each dataset its other names, as URIs. A name that two datasets claim is nobody's."""
    claimed: dict[str, set[str]] = {}
    for dataset in datasets:
        for other in names.other_names(dataset.facets, rules):
            if other != dataset.name.uri:
                claimed.setdefault(other, set()).add(dataset.name.uri)
    return {other: uris.copy().pop() for other, uris in sorted(claimed.items()) if len(uris) == 1}
