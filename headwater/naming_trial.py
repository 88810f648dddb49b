"""What other naming rules would change in a data folder: which datasets would become one, and which would be split.

The names of datasets are read from the plans in the ledger, because the graph has only folded names (without the
folders that the present rules leave out). Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.ingest.progress import Progress

if TYPE_CHECKING:
    from headwater.graphmodel.naming import Rules

_PAGE = 200  #: ledger entries in memory at once
_EXAMPLES = 5  #: names that are listed for a group; `count` says how many there are


@dataclass(frozen=True)
class Group:
    """A dataset by one set of rules, and the several datasets that it is by the other set.

    `count` is the number of these, `examples` has the first of them.
    """

    dataset: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """What the new rules would change. `now` and `then` are the numbers of datasets by the present and the new rules.

    `together`: several present datasets would become one. `apart`: one present dataset would become several.
    `renamed`: one present dataset would get another name, as pairs (present name, new name).
    """

    now: int
    then: int
    together: tuple[Group, ...]
    apart: tuple[Group, ...]
    renamed: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "datasets": {"now": self.now, "then": self.then},
            "together": [vars(group) | {"examples": list(group.examples)} for group in self.together],
            "apart": [vars(group) | {"examples": list(group.examples)} for group in self.apart],
            "renamed": [{"now": now, "then": then} for now, then in self.renamed],
        }


def compare(names: Iterable[str], now: Rules, then: Rules) -> Trial:
    """Compare the present rules `now` with the new rules `then`, for the unfolded `names` of datasets. Pure."""
    from headwater.graphmodel.naming import canonical

    forward: dict[str, set[str]] = defaultdict(set)
    back: dict[str, set[str]] = defaultdict(set)
    for name in names:
        old, new = canonical(name, now), canonical(name, then)
        forward[old].add(new)
        back[new].add(old)
    renamed = sorted(
        (old, new)
        for old, found in forward.items()
        if len(found) == 1
        for new in found
        if new != old and len(back[new]) == 1
    )
    return Trial(len(forward), len(back), _groups(back), _groups(forward), tuple(renamed))


def _groups(found: Mapping[str, set[str]]) -> tuple[Group, ...]:
    """The groups with more than one dataset, the largest first."""
    groups = [Group(name, len(of), tuple(sorted(of)[:_EXAMPLES])) for name, of in found.items() if len(of) > 1]
    return tuple(sorted(groups, key=lambda group: (-group.count, group.dataset)))


def try_rules(folder: Path, file: Path, progress: Progress) -> Trial:
    """What the rules in `file` would change in a data folder. A server may run on it.

    InvalidRequest: the file, or the folder's own rules, are not right. Errors of the ledger as they are.
    """
    from headwater.ingest.folder.naming_file import read_rules, rules_of

    then, now = read_rules(file), rules_of(folder)
    return compare(unfolded_names(folder, progress), now, then)


def unfolded_names(folder: Path, progress: Progress) -> set[str]:
    """The names of all datasets in the plans of a ledger, with all folders. Plans that fail to decode are left out."""
    from headwater.graphmodel.model import Plan
    from headwater.graphmodel.naming import UNFOLDED
    from headwater.ingest.graph.decoding import Decoding, decoders
    from headwater.ingest.intake.bridges import BRIDGES
    from headwater.ingest.ledger.ledger import open_reader

    names: set[str] = set()
    with open_reader(folder) as ledger:
        decoding, last, after = decoders(UNFOLDED), ledger.head().sequence, 0
        while entries := ledger.read(after, _PAGE):
            batch = Decoding(ledger, decoding).batch(entries)
            plans: list[Plan] = [known.plan for known in batch.plans]
            for entry, part in batch.parts:  # alone: an event that ends a run nearly always names all its datasets
                fold = BRIDGES[entry.kind].fold
                plans += fold([part.content], UNFOLDED).plans if fold else ()
            for plan in plans:
                names.add(plan.target.uri)
                names.update(one.uri for one in plan.inputs)
            after = entries[-1].sequence
            progress(after, last)
    return names
