"""Makes the page about the queries from their table.

``python -m headwater.queries.catalogue.docs > docs/queries.md``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from headwater.queries.catalogue.catalogue import QUERIES
from headwater.queries.catalogue.parameters import Parameter
from headwater.queries.catalogue.query import Query

_HEAD = """\
# Queries

<!-- Made by `python -m headwater.queries.catalogue.docs > docs/queries.md` from queries/catalogue/catalogue.py. -->

Each query is `GET /api/v1/queries/{name}?parameter=value` and `headwater query {name} parameter=value`.
`upstream`, `downstream` and `lineage` have shorter forms as well: `GET /api/v1/lineage`, `headwater upstream NODE`.

A node can be given in any spelling: `s3a://lake/mart/orders/`, `file:/data/orders`, `sales.orders`, a Glue ARN; for a
column with `#column` at its end. In a URL `#` is written `%23`, or the column is a parameter of its own:
`?node=s3://lake/mart/orders&column=revenue`. A bare `#` ends a URL, and the question would be about the dataset. A name
alone (`orders#revenue`), or the end of a path (`mart/orders`), is accepted if one dataset has it.

A query that has columns answers with rows, page by page: give the value `next` of an
answer as the parameter `next` to get the following page. Times are in ms since 1970-01-01Z. Every JSON answer says its
`shape`: `rows`, `lineage` (nodes and edges), `impact`, `paths` or `audit`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_HEAD, *(line for query in QUERIES for line in _section(query))])


def _section(query: Query) -> Iterator[str]:
    yield f"## {query.name}\n"
    yield f"{query.summary[0].upper()}{query.summary[1:]}.\n"
    yield "| parameter | value | default | meaning |\n|---|---|---|---|"
    for parameter in query.parameters:
        default = "required" if parameter.required else _default(parameter)
        yield f"| `{parameter.name}` | {_value(parameter)} | {default} | {parameter.meaning} |"
    yield ""
    columns = ", ".join(f"`{column}`" for column in query.columns)
    yield f"Shape: `{query.shape}`{f', with the columns {columns}' if columns else ''}.\n"


def _default(parameter: Parameter) -> str:
    return "" if parameter.default in (None, False) else f"`{parameter.default}`"


def _value(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(f"`{choice}`" for choice in parameter.choices)
    if parameter.type == "integer":
        most = f" to {parameter.maximum:,}" if parameter.maximum is not None else " or more"
        return f"{parameter.minimum}{most}"
    if parameter.type == "boolean":
        return "`true`, `false`"
    return " or ".join(parameter.labels) if parameter.labels else "text"


if __name__ == "__main__":
    sys.stdout.write(page())
