"""Why two spellings have one name, or what would give them one: the steps of naming, in words. Pure.

Here: the steps from a spelling to its canonical URI, each with the rule behind it, and what people can say to join two
names. Not here: facts of a graph, such as aliases (`headwater.explaining_names` asks for these).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from headwater.graphmodel.ids import dataset_id
from headwater.graphmodel.naming_openlineage import pair_of
from headwater.graphmodel.naming_rules import Rules, fold_path, move
from headwater.graphmodel.naming_schemes import normalise

#: The switches of `Rules` with what each leaves out, in the words of docs/naming.md.
_FOLDING = {
    "partitions": "the folders of partitions are left out",
    "dates": "the folders of dates are left out",
    "runs": "the folder of one execution is left out",
    "files": "the file of an output is left out",
    "folders": "folders that naming.yaml lists are left out",
    "names": "a date in the name is left out, as naming.yaml says",
    "datasets": "what lies below a dataset of naming.yaml belongs to it",
}
_OFF: dict[str, Any] = dict.fromkeys(("partitions", "dates", "runs", "files"), False) | dict.fromkeys(
    ("folders", "names", "datasets"), ()
)


@dataclass(frozen=True)
class Step:
    """The name after one step, and the rule that made it."""

    name: str
    rule: str


def steps(spelling: str, rules: Rules) -> tuple[Step, ...]:
    """From the spelling to its canonical URI; empty if it is canonical. The last step has `naming.canonical`."""
    found: list[Step] = []

    def step(name: str, rule: str) -> None:
        if name != (found[-1].name if found else spelling):
            found.append(Step(name, rule))

    uri = normalise(spelling)
    step(uri, "the same name written otherwise: the rules of its scheme (docs/naming.md, Spellings)")
    moved = move(uri, rules)
    step(moved, "naming.yaml says under namespaces that it has two names")
    folded, _ = fold_path(moved, rules)
    if folded != moved:
        step(folded, "; ".join(_reasons(moved, rules)) or "folders at its end are left out")
    step(dataset_id(folded), "it could be the id of a vertex of another kind, so it is written otherwise")
    return tuple(found)


def _reasons(uri: str, rules: Rules) -> Iterator[str]:
    """The rules without which the name would be another one."""
    folded = fold_path(uri, rules)[0]
    for key, reason in _FOLDING.items():
        without = replace(rules, **{key: _OFF[key]})
        if fold_path(uri, without)[0] != folded:
            yield reason


def joined_by(kept: str, other: str, *, known: bool = True, told: bool = False) -> Iterator[str]:
    """What would give two canonical URIs one name, the most general way first; the last one always works.

    Where neither is `known` as a dataset, nobody can state that they are one: that way is left out. `told`: payloads
    have named one as another name of some dataset, and that did not join them.
    """
    (kept_space, kept_name), (other_space, other_name) = pair_of(kept), pair_of(other)
    if kept_name == other_name and kept_space and other_space and kept_space != other_space:
        yield f"if all of {other_space} is {kept_space}: in naming.yaml `namespaces: {{{other_space}: {kept_space}}}`"
    if kept.lower() == other.lower():
        yield "they differ in upper and lower case alone: let both jobs write the name in one way"
    longer, shorter = (other, kept) if len(other) > len(kept) else (kept, other)
    if longer.startswith(f"{shorter}/"):
        below = longer.removeprefix(f"{shorter}/")
        yield f"if {below} is no dataset of its own: in naming.yaml `folders: [{below}]` or `datasets: [{shorter}]`"
    if not told:
        yield "if a payload names both (the table of a catalog and its path), they are joined by that; none has so far"
    if known:
        yield f"if you know that they are one: headwater same {kept} {other}"
