"""What may be asked: parameters as text from a query string or typed from Python."""

from __future__ import annotations

import pytest

from headwater.queries.answers.errors import QueryError
from headwater.queries.catalogue.parameters import Parameter, parse

PARAMETERS = (
    Parameter("node", "a node", required=True),
    Parameter("depth", "hops", "integer"),
    Parameter("limit", "rows", "integer", 10, minimum=1, maximum=50),
    Parameter("type", "kind", default="direct", choices=("direct", "all")),
)


@pytest.mark.parametrize(
    ("given", "depth", "limit", "kind"),
    [
        ([("node", "n")], None, 10, "direct"),
        ([("node", "n"), ("depth", "0")], 0, 10, "direct"),
        ([("node", "n"), ("depth", 7), ("limit", " 50 ")], 7, 50, "direct"),
        ([("node", "n"), ("depth", None), ("type", "all")], None, 10, "all"),
    ],
)
def test_values_are_typed_and_defaults_filled_in(
    given: list[tuple[str, object]], depth: int | None, limit: int, kind: str
) -> None:
    assert parse(PARAMETERS, given) == {"node": "n", "depth": depth, "limit": limit, "type": kind}


@pytest.mark.parametrize(
    ("given", "field", "suggestions"),
    [
        ([], "node", ()),  # required
        ([("node", "")], "node", ()),
        ([("node", "n"), ("node", "n")], "node", ()),  # even with one value
        ([("node", "n"), ("dept", "1")], "dept", ("depth",)),
        ([("node", "n"), ("depth", "-1")], "depth", ()),
        ([("node", "n"), ("depth", "1.5")], "depth", ()),
        ([("node", "n"), ("depth", "")], "depth", ()),
        ([("node", "n"), ("depth", "--1")], "depth", ()),
        ([("node", "n"), ("depth", "\u0661")], "depth", ()),  # a digit, but not one of ours
        ([("node", "n"), ("depth", "9" * 5000)], "depth", ()),
        ([("node", "n"), ("depth", True)], "depth", ()),
        ([("node", "n"), ("limit", "0")], "limit", ()),
        ([("node", "n"), ("limit", "51")], "limit", ()),
        ([("node", "n"), ("type", "al")], "type", ("all",)),
        ([("node", "n"), ("type", "ALL")], "type", ()),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_field(
    given: list[tuple[str, object]], field: str, suggestions: tuple[str, ...]
) -> None:
    with pytest.raises(QueryError) as refused:
        parse(PARAMETERS, given)
    assert (refused.value.field, refused.value.suggestions) == (field, suggestions)
    assert set(refused.value.to_dict()) == {"error", "field", "suggestions"}
