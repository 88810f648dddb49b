"""Find vertices by name, id or business name, without regard to case: exact ones first, then those that begin so.

After these come those that have it in the middle.

People write blanks where names have other signs: all words of a text, in any order, are a match too. Last come datasets
that the graph lacks because every write of them failed.

Stores have no case-blind comparison that all of them understand. The id of a column has its name in lower case, which
serves for columns; for other names the usual spellings of the words are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import product

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import P, T, TextP

from headwater.graphmodel.statements.values import BUSINESS_NAME
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Page, Row, Values
from headwater.queries.tracing.facts import facts_of
from headwater.queries.tracing.rows import Cells, rows
from headwater.queries.tracing.walk import DeadlinePassed

Stage = tuple[str, str]  #: how it matches, and the label
_MATCHES = ("exact", "prefix", "substring")
_LABELS = ("dataset", "column", "job", "alias", "tag", "run")
#: What is searched, in the order of the answer. Of plans it is what they were to write.
_STAGES = (*product(_MATCHES, _LABELS), ("substring", "plan"))
#: Hits of one label that are sorted here; with more, the store sorts stage by stage.
_FEW = 200
_MOST_LIKELY_MANY = "column"
_IDS_OF_RUNS = ("appId", "jobRun", "runId", "agentPlanId")
_CELLS = ("id", "label", "name", "dataset")
_MOST_WORDS = 8  #: of a text; what follows them is not looked for
#: What catalogues call it for people, in lower case; of the labels that systems can say something of.
_CALLED = "businessNames"
_HAVE_BUSINESS_NAMES = frozenset({"dataset", "column", "job"})
#: The label of a dataset that the graph lacks.
NEVER_WRITTEN = "never written"
_PREDICATES: Mapping[str, Callable[[str], P]] = {
    "exact": P.eq,
    "prefix": TextP.starting_with,
    "substring": TextP.containing,
}


def search(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    """One page of what `q` finds, and where the next one begins (``<stage>.<offset>``)."""
    found = _search(g, values, deadline_passed)
    return found._replace(rows=_with_business_names(g, found.rows))


def _with_business_names(g: GraphTraversalSource, hits: list[Row]) -> list[Row]:
    """The hits, each with what catalogues call it for people, as they spell it; None for most."""
    called = [hit["id"] for hit in hits if hit.pop(_CALLED, None)]
    names = {
        node: ", ".join(sorted({str(fact.value) for fact in facts if fact.key == BUSINESS_NAME}))
        for node, facts in (facts_of(g, called) if called else {}).items()
    }
    return [{**hit, BUSINESS_NAME: names.get(hit["id"])} for hit in hits]


def _search(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Page:
    if values["next"] is None:
        few = _all_at_once(g, values["q"], deadline_passed)
        if few is not None:
            return _first_page(few, values["limit"])
    stage, offset = _place(values["next"])
    hits: list[Row] = []
    for at in range(stage, len(_STAGES)):
        match, label = _STAGES[at]
        if (match, label) == ("substring", "run"):
            continue  # nobody knows the middle of an id alone, and there may be very many runs
        start = offset if at == stage else 0
        if deadline_passed():
            return Page(hits, f"{at}.{start}", "deadline")
        room = values["limit"] - len(hits)
        named = _never_written(g, values["q"]) if label == "plan" else _found(g, values["q"], match, label)
        found = named.range_(start, start + room + 1)
        more = [{**row, "match": match} for row in rows(found, _cells(label))]
        hits += _absent(g, more[:room]) if label == "plan" else more[:room]
        if len(more) > room:
            return Page(hits, f"{at}.{start + room}")
    return Page(hits, None)


def _all_at_once(g: GraphTraversalSource, text: str, deadline_passed: DeadlinePassed) -> dict[Stage, list[Row]] | None:
    """What is found, by stage, with one look at each label in place of one for each way to match.

    None: there is much of one label, or no time; stage by stage, the best is found without looking at all.
    """
    found: dict[Stage, list[Row]] = {stage: [] for stage in _STAGES}
    for label in sorted((*_LABELS, "plan"), key=_MOST_LIKELY_MANY.__eq__, reverse=True):
        if deadline_passed():
            return None
        if label == "plan":
            found["substring", label] = _absent(g, rows(_never_written(g, text).limit(_FEW), _cells(label)))
            continue
        named = g.V().has_label(label).or_(*_any_match(text, label)).order().by(T.id).limit(_FEW)
        hits = list(rows(named, {**_cells(label), **{key: key for key in _IDS_OF_RUNS if label == "run"}}))
        if len(hits) == _FEW:
            return None
        for hit in hits:
            found[_match(hit, text), label].append({key: hit.get(key) for key in (*_CELLS, _CALLED)})
    return found


def _any_match(text: str, label: str) -> list[GraphTraversal]:
    """What all the `_conditions` of a label come to: the weakest of them, which hold wherever a stronger one does."""
    if label == "run":
        return _conditions(text, "prefix", label)
    weakest = _conditions(text, "substring", label)
    return [_conditions(text, "prefix", label)[0], *weakest] if label == "column" else weakest


def _match(hit: Row, text: str) -> str:
    """The first of `_MATCHES` whose `_conditions` a hit meets."""
    lower, column = text.lower(), hit["label"] == "column"
    names = [name for name in (hit["name"], *(hit.get(key) for key in _IDS_OF_RUNS)) if name]
    if hit["label"] == "run":
        names = names[1:] if hit["name"] else names  # that of its job
    if not column:
        names.append(hit["id"])
    spelled, called = _spellings(text), hit.get(_CALLED) or ""
    if any(name in spelled for name in names) or called == lower:
        return "exact"
    if column and (hit["id"] == text if "#" in text else hit["id"].endswith(f"#{lower}")):
        return "exact"
    if any(name.startswith(tuple(spelled)) for name in names) or called.startswith(lower):
        return "prefix"
    if column and (hit["id"].startswith(text) if "#" in text else f"#{lower}" in hit["id"]):
        return "prefix"
    return "substring"


def _first_page(found: Mapping[Stage, list[Row]], limit: int) -> Page:
    hits: list[Row] = []
    for at, stage in enumerate(_STAGES):
        room = limit - len(hits)
        hits += [{**row, "match": stage[0]} for row in found[stage][:room]]
        if len(found[stage]) > room:
            return Page(hits, f"{at}.{room}")
    return Page(hits, None)


def _place(cursor: str | None) -> tuple[int, int]:
    place = re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,12})", cursor or "0.0")
    if place is None:
        raise QueryError("next must be what the page before gave as its next", "next")
    return int(place[1]), int(place[2])


def _found(g: GraphTraversalSource, text: str, match: str, label: str) -> GraphTraversal:
    """What matches so, and does not match better."""
    found = g.V().has_label(label).or_(*_conditions(text, match, label))
    for better in _MATCHES[: _MATCHES.index(match)]:
        found = found.not_(__.or_(*_conditions(text, better, label)))
    return found.order().by(T.id)


def _never_written(g: GraphTraversalSource, text: str) -> GraphTraversal:
    """A plan of each dataset that plans were to write and none did."""
    has_text = [__.has("target", _any(TextP.containing, text)), *_with_all_words(text, "target")]
    named = g.V().has_label("plan").or_(*has_text).not_(__.out_e("writes"))
    return named.filter_(__.in_("executes").has("status", "failed")).dedup().by("target").order().by("target")


def _absent(g: GraphTraversalSource, hits: list[Row]) -> list[Row]:
    """Those whose dataset is not in the graph: another job may have written it, or read it."""
    present = set(g.V([hit["id"] for hit in hits]).id_().to_list()) if hits else set()
    return [hit for hit in hits if hit["id"] not in present]


def _conditions(text: str, match: str, label: str) -> list[GraphTraversal]:
    predicate = _PREDICATES[match]
    if label == "run":
        known = _any(predicate, text)
        return [__.has(T.id, known), *(__.has(key, known) for key in _IDS_OF_RUNS)]
    lower = text.lower()
    by_name = [__.has("name", _any(predicate, text))]
    by_words = _with_all_words(text, T.id) if match == "substring" else []
    if label in _HAVE_BUSINESS_NAMES:
        by_name.append(__.has(_CALLED, predicate(lower)))
        by_name += _with_all_words(lower, _CALLED) if match == "substring" else []
    if label != "column":
        return [__.has(T.id, _any(predicate, text)), *by_name, *by_words]
    by_id: Mapping[str, GraphTraversal] = {
        "exact": __.has(T.id, P.eq(text) if "#" in text else TextP.ending_with(f"#{lower}")),
        "prefix": __.has(T.id, TextP.starting_with(text) if "#" in text else TextP.containing(f"#{lower}")),
        # In the column's part of the id: a dataset's own name would bring all its columns.
        "substring": __.has(T.id, TextP.containing(lower)).not_(__.has("dataset", TextP.containing(lower))),
    }
    in_dataset = _with_all_words(text, "dataset")
    return [by_id[match], *by_name, *(found.not_(__.or_(*in_dataset)) for found in by_words)]


def _with_all_words(text: str, key: str | T) -> list[GraphTraversal]:
    """That all words of a text occur in a property, in any order; nothing for one word."""
    words = text.split()[:_MOST_WORDS]
    if len(words) < 2:  # noqa: PLR2004 - one word is the text itself
        return []
    return [reduce(lambda found, word: found.has(key, _any(TextP.containing, word)), words, __.identity())]


def _any(predicate: Callable[[str], P], text: str) -> P:
    return reduce(lambda either, other: either.or_(other), map(predicate, _spellings(text)))


def _spellings(text: str) -> list[str]:
    return list(dict.fromkeys([text, text.lower(), text.upper(), text.capitalize(), text.title()]))


def _cells(label: str) -> Cells:
    if label == "plan":
        return {"id": "target", "label": __.constant(NEVER_WRITTEN), "name": "target", "dataset": "target"}
    owner = {
        "dataset": T.id,
        "column": "dataset",
        "alias": __.out("aliasOf").id_(),
        "run": __.out("executes").values("target"),
    }
    name = __.out("executes").in_("hasPlan").values("name") if label == "run" else "name"
    cells = {"id": T.id, "label": T.label, "name": name, "dataset": owner.get(label, __.constant(None))}
    return {**cells, _CALLED: _CALLED} if label in _HAVE_BUSINESS_NAMES else cells
