"""One page of rows, and where the next one begins."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from headwater.queries.answers.answer import Reason

Row = dict[str, Any]
Values = Mapping[str, Any]  #: the typed values of a query's parameters, by name


class Page(NamedTuple):
    """Rows, and the value of the parameter `next` for the following page (None: this is the last page).

    `reason` is set if not all of the graph was read, so that rows may be missing. `about` are datasets that the answer
    is about, beside those that were asked for and those of the rows' ids; `writes_of` those of which it says only how
    they were written.
    """

    rows: list[Row]
    next: str | None
    reason: Reason | None = None
    about: Collection[str] = ()
    writes_of: Collection[str] = ()


def page(rows: list[Row], values: Values) -> Page:
    """The page in rows that the store has already cut to the page, plus one row if there is a next page.

    Asking for one row more than the limit shows whether there is a next page without counting all rows.
    """
    limit = values["limit"]
    return Page(rows[:limit], str(values["next"] + limit) if len(rows) > limit else None)


def slice_page(rows: list[Row], values: Values, reason: Reason | None = None) -> Page:
    """The page in a list of all rows. `reason` is given if the list may not have all of them."""
    return page(rows[values["next"] : values["next"] + values["limit"] + 1], values)._replace(reason=reason)
