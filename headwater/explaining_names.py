"""Why two names of datasets are one, or what would join them: the rules of naming, and the aliases in a graph.

Here: which of the two it is, for the command line. Not here: the rules themselves (`graphmodel.naming_explained`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from headwater.errors import WrongUse, did_you_mean

if TYPE_CHECKING:
    from headwater.source import Source

_ALL = 10_000
Verdict = Literal["one by rules", "one by a fact", "ambiguous", "two", "unknown"]


@dataclass(frozen=True)
class Found:
    """One of the two names.

    `steps` are (name, rule) from the spelling to its canonical name. `node` is the dataset in the graph, None where
    there is none; `how` says how the canonical name leads to it, `entry` is the ledger entry that says so. `several`
    are the datasets that it can mean, where these are more than one. `suggestions` are near names, where it is unknown.
    `also`: it is a dataset of its own, and other datasets have this name as well.
    """

    spelling: str
    canonical: str
    steps: tuple[tuple[str, str], ...]
    node: str | None = None
    how: str | None = None
    entry: int | None = None
    several: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()

    @property
    def dataset(self) -> str:
        """What the name stands for."""
        return self.node or self.canonical


@dataclass(frozen=True)
class Explanation:
    """Both names, and whether they are one. `ways` would join them where they are not."""

    verdict: Verdict
    names: tuple[Found, Found]
    ways: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "verdict": self.verdict,
            "names": [
                {
                    "spelling": one.spelling,
                    "canonical": one.canonical,
                    "steps": [{"name": name, "rule": rule} for name, rule in one.steps],
                    "node": one.node,
                    "how": one.how,
                    "entry": one.entry,
                    "several": list(one.several),
                    "also": list(one.also),
                    "suggestions": list(one.suggestions),
                }
                for one in self.names
            ],
            "ways": list(self.ways),
        }


def explain_names(source: Source, first: str, second: str) -> Explanation:
    """Why `first` and `second` are one dataset in the graph of `source`, or why not. Errors of the source stay.

    WrongUse: a name is empty.
    """
    from headwater.graphmodel.naming_explained import joined_by

    if not first.strip() or not second.strip():
        raise WrongUse("a name is empty: give the names of two datasets")
    found = _found(source, first), _found(source, second)
    names = [one.canonical for one in found]
    if names[0] == names[1]:
        return Explanation("one by rules", found)
    if any(one.several for one in found):
        return Explanation("ambiguous", found)
    if found[0].dataset == found[1].dataset:
        return Explanation("one by a fact", found)
    known = any(one.node for one in found)
    told = any(one.also for one in found)
    ways = tuple(joined_by(found[0].dataset, found[1].dataset, known=known, told=told))
    return Explanation("two" if known else "unknown", found, ways)


def _found(source: Source, spelling: str) -> Found:
    from headwater.graphmodel.naming import canonical
    from headwater.graphmodel.naming_explained import steps
    from headwater.graphmodel.statements.json_text import KIND
    from headwater.graphmodel.statements.model import PEOPLE
    from headwater.queries.answers.answer import Table

    rules = source.rules()
    name = canonical(spelling, rules)
    taken = tuple((step.name, step.rule) for step in steps(spelling, rules))
    try:
        answer = source.ask("explain", [("node", spelling), ("limit", _ALL)])
    except WrongUse as error:
        if "names several" in error.message:
            return Found(spelling, name, taken, several=tuple(error.suggestions))
        return Found(spelling, name, taken, suggestions=tuple(error.suggestions))
    assert isinstance(answer, Table), "this query answers with rows"
    node = str(answer.parameters["node"])
    if node == name:
        also = tuple(str(row["target"]) for row in answer.rows if row["what"] == "name of another")
        return Found(spelling, name, taken, node, also=also)
    others = [row["source"] for row in answer.rows if row["what"] == "name"]
    alias = next((one for one in _written(spelling, name) if one in others), None)
    if alias is None:
        return Found(spelling, name, taken, node, "it is the last part of this dataset's name, and of no other's")
    told = source.name_entry(alias, node)
    said = "a payload calls the dataset so"
    if told is not None and told.kind == KIND:
        said = "somebody stated that the two are the same"
        if told.source not in {PEOPLE, ""}:
            said = f"a system, {told.source}, lists the dataset under this name too, and no other"
    return Found(spelling, name, taken, node, said, told.sequence if told else None)


def _written(spelling: str, name: str) -> Sequence[str]:
    """The spellings under which an alias is looked up."""
    return (spelling, spelling.strip(), name, spelling.strip().lower(), name.lower())


def told(explanation: Explanation) -> Iterator[str]:
    """The explanation as lines of text."""
    for one in explanation.names:
        yield one.spelling
        for name, rule in one.steps:
            yield f"  -> {name}"
            yield f"     {rule}"
        if one.how:
            yield f"  -> {one.node}"
            yield f"     {one.how}" + (f" (ledger entry {one.entry})" if one.entry else "")
        elif one.also:
            yield "  is a dataset of its own: some job names it so. This is also another name of"
            yield f"  {', '.join(one.also)}; nothing tells that this job means one of them"
        elif one.several:
            yield f"  can be each of: {', '.join(one.several)}"
        elif one.node is None:
            yield "  no dataset of this name is known"
            if one.suggestions:
                yield f"  {did_you_mean(one.suggestions)}"
    yield _VERDICTS[explanation.verdict]
    yield from (f"  - {way}" for way in explanation.ways)


#: The columns of an explanation as a table.
COLUMNS = ("verdict", "what", "spelling", "name", "rule", "entry")


def table(explanation: Explanation) -> Iterator[tuple[str, ...]]:
    """The explanation as rows; see `COLUMNS`."""
    for one in explanation.names:
        rows = [("step", name, rule) for name, rule in one.steps]
        rows += [("dataset", one.node, one.how or "its own name")] if one.node else []
        rows += [("perhaps", name, "the spelling can be each of them") for name in one.several]
        rows += [("perhaps", name, "it has this name too") for name in one.also]
        rows += [("near", name, "no dataset of this name is known") for name in one.suggestions]
        for what, name, rule in rows or [("unknown", "", "no dataset of this name is known")]:
            entry = str(one.entry) if what == "dataset" and one.entry else ""
            yield explanation.verdict, what, one.spelling, name, rule, entry
    yield from ((explanation.verdict, "way", "", "", way, "") for way in explanation.ways)


_VERDICTS: dict[Verdict, str] = {
    "one by rules": "One dataset, by the rules of naming.",
    "one by a fact": "One dataset: something that was reported or stated says so.",
    "ambiguous": "Not certain: a name stands for several datasets. Ask again with one of these.",
    "two": "Two datasets. What would join them:",
    "unknown": "Neither is a known dataset, and by the rules of naming they are two. What would give them one name:",
}
