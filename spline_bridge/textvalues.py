"""Values from expressions of which only the text is known: subqueries, UPDATE and MERGE clauses.

What is certain in such a text are the expression ids and a few words of SQL; the rest is shown, not interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from headwater.graphmodel.expressions.text import printed
from headwater.graphmodel.expressions.text import text as as_text
from headwater.graphmodel.expressions.values import (
    AGGREGATION,
    ATOM,
    IDENTITY,
    TRANSFORMATION,
    Value,
    as_role,
    combine,
    influenced,
    unresolved,
)
from headwater.graphmodel.model import Subtype
from headwater.spline_bridge.plantext import ids, readable, without_alias

_BARE = re.compile(r"^(?:outer\()?[^()\[\]]*#\d+L?\)?$")
_AGGREGATE = re.compile(
    r"\b(?:sum|avg|mean|count|min|max|first|last|any_value|collect_list|collect_set|array_agg|stddev\w*|variance|var_\w+"
    r"|approx_count_distinct|percentile\w*|approx_percentile|max_by|min_by|mode|median|bool_and|bool_or|count_if"
    r"|corr|covar_\w+|kurtosis|skewness|regr_\w+|bit_\w+|hll_\w+|every|some|histogram_numeric)\("
)
_MASKING = re.compile(
    r"\b(?:md5|sha|sha1|sha2|crc32|hash|xxhash64|mask|aes_encrypt|count|count_if|regr_count|approx_count_distinct)\(",
    re.IGNORECASE,
)
_CONDITION_BEGINS = re.compile(r"\bWHEN |\bif \(")
_CONDITION_ENDS = {"WHEN ": re.compile(r" THEN\b"), "if (": re.compile(r"\) ")}
_WINDOW = "windowspecdefinition("
#: Longest text of one expression that is read, in characters. A generated CASE of some hundred branches has 30,000.
MAX_EXPRESSION = 200_000


def text_value(item: str, known: Mapping[str, Value]) -> Value:
    """The value of an expression's text. `known` gives the values of expression ids; others make it unresolved."""
    if len(item) > MAX_EXPRESSION:
        return unresolved(as_text(item))
    body = without_alias(item)
    shown = printed(_trimmed(readable(body)))
    if _BARE.match(body.strip()):
        return _ids(body, known, IDENTITY) if ids(body) else Value(text=shown, literal=True)
    window, conditions, rest = _parts(body)
    strength = AGGREGATION if _AGGREGATE.search(rest) else TRANSFORMATION
    value = _ids(rest, known, strength, masking=bool(_MASKING.search(rest)))
    for part, subtype in ((window, Subtype.WINDOW), (conditions, Subtype.CONDITIONAL)):
        keys = _ids(part, known, TRANSFORMATION)
        value = influenced(value, as_role([keys._replace(text=printed(readable(part)))], subtype), by=[keys])
    generated = strength == AGGREGATION and not value.direct
    return value._replace(text=shown, precedence=ATOM if "(" in body else 0, generated=generated, literal=not ids(body))


def _ids(part: str, known: Mapping[str, Value], strength: int, *, masking: bool = False) -> Value:
    found = ids(part)
    value = combine([known[key] for key in found if key in known], strength, masking=masking)
    bare = len(found) == 1 and found[0] in known and strength == IDENTITY
    shown = known[found[0]].text if bare else printed(readable(part))
    return value._replace(text=shown, unresolved=value.unresolved or any(key not in known for key in found))


def _parts(body: str) -> tuple[str, str, str]:
    """Window specifications, conditions, and the rest of an expression's text."""
    windows, pieces, at = list[str](), list[str](), 0
    while (start := body.find(_WINDOW, at)) >= 0:
        end = _closing(body, start + len(_WINDOW) - 1)
        windows.append(body[start + len(_WINDOW) : end])
        pieces += [body[at:start], " OVER "]
        at = end + 1
    conditions, rest = _conditions("".join([*pieces, body[at:]]))
    return " ".join(windows), conditions, rest


def _conditions(body: str) -> tuple[str, str]:
    """The conditions of ``CASE WHEN x THEN`` and ``if (x) ``, and the text without them.

    The position of each kind of end is kept, so that a text of many beginnings without an end is searched once.
    """
    found, pieces, at = list[str](), list[str](), 0
    ends: dict[str, re.Match[str] | None] = {}
    for begins in _CONDITION_BEGINS.finditer(body):
        if begins.start() < at:
            continue
        kind, inner = begins[0], begins.end()
        known = ends.get(kind)
        if kind not in ends or (known is not None and known.start() < inner):
            known = ends[kind] = _CONDITION_ENDS[kind].search(body, inner)
        if known is not None:
            found.append(body[inner : known.start()])
            pieces += [body[at : begins.start()], " THEN "]
            at = known.end()
    return " ".join(found), "".join([*pieces, body[at:]])


def _closing(body: str, opening: int) -> int:
    depth = 0
    for i in range(opening, len(body)):
        depth += body[i] == "("
        depth -= body[i] == ")"
        if depth == 0:
            return i
    return len(body)


def _trimmed(body: str) -> str:
    body = body.strip()
    return body[1:-1] if body.startswith("(") and _closing(body, 0) == len(body) - 1 else body
