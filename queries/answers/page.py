"""One page of rows, and where the next one begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from headwater.queries.answers.answer import Reason

Row = dict[str, Any]
Values = Mapping[str, Any]  #: the typed values of a query's parameters, by name


class Page(NamedTuple):
    """Rows, and the parameter `next` of the following page (None: this is the last).

    `reason` says why rows may be missing: not all of the graph was looked at.
    """

    rows: list[Row]
    next: str | None
    reason: Reason | None = None


def page(rows: list[Row], values: Values) -> Page:
    """What the store gave for a page, with one row more where there is a next one."""
    limit = values["limit"]
    return Page(rows[:limit], str(values["next"] + limit) if len(rows) > limit else None)


def cut(rows: list[Row], values: Values, reason: Reason | None = None) -> Page:
    """A page of rows that are all there, or as many as there are for a `reason`."""
    return page(rows[values["next"] : values["next"] + values["limit"] + 1], values)._replace(reason=reason)
