"""What the statements of one session made known to those after them."""

from __future__ import annotations

from headwater.sql_bridge.model import Catalog, Dialect, Known, Statement, nothing_known
from headwater.sql_bridge.relations import Query


class SessionState:
    """Temporary tables, which are no datasets but the queries that made them; and what is known of tables by now."""

    def __init__(self, dialect: Dialect, catalog: Catalog = nothing_known, *, types: bool = False) -> None:
        """`types`: the types of written columns are worked out too, which takes as long again."""
        self.dialect = dialect
        self.types = types
        self.temporary: dict[str, Query] = {}
        self.made: dict[str, Known] = {}  #: what the statements before created
        self._gone: set[str] = set()  # tables that were dropped, of which the catalog outside may still know
        self._outside = catalog

    def catalog(self, name: str) -> Known | None:
        """What is known of a table: by the statements that were read, else by the catalog outside."""
        if name in self.made:
            return self.made[name]
        return None if name in self._gone else self._outside(name)

    def learn(self, found: Statement) -> None:
        """What a statement creates and drops is known to the next one."""
        there = {name for name in found.if_missing if (known := self.catalog(name)) is not None and known.whole}
        for name in found.dropped:
            self.made.pop(name, None)
            self._gone.add(name)
        self.made.update({name: known for name, known in found.created.items() if name not in there})
        self._gone -= found.created.keys()
