"""Sources that many columns of a plan have in common, kept once while it is mapped.

Code that a plan does not show makes each of its m columns of all n that it reads. A value with more than a few sources
gets one source instead, a stand-in for all of them, so that what is made of it further up costs no more than any other
column. At the end the stand-ins that few columns use are taken out again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from headwater.graphmodel.expressions.values import Column, Influence, Use, Value, as_role, merge_into, unresolved
from headwater.spline_bridge.operators import Rows

#: Sources that a value keeps as they are. With fewer the product of columns and sources stays small.
_FEW = 4
#: What it costs to write out a source beside what it costs to look at one: it takes room as well.
_WRITING = 3


def is_stand_in(column: Column) -> bool:
    """Whether a source stands for several: it has no dataset."""
    return not column[0]


class SharedSources:
    """The stand-ins of one plan. `spend` counts work; once it is False no more is done, and `exhausted` is True.

    A value whose sources would then have to be written out is unresolved.
    """

    def __init__(self, spend: Callable[[int], bool]) -> None:
        self._spend = spend
        self.exhausted = False
        self._values: dict[Column, Value] = {}
        self._known: dict[tuple[int, int], tuple[Value, Column]] = {}

    def with_stand_ins(self, rows: Rows) -> Rows:
        """The rows; each value with many sources has one that stands for them. The same sources have the same one."""
        for value in rows.values:
            if len(value.direct) > _FEW:
                return Rows(rows.ids, tuple(map(self._with_stand_in, rows.values)))
        return rows

    def _with_stand_in(self, value: Value) -> Value:
        if len(value.direct) <= _FEW:
            return value
        key = id(value.direct), id(value.indirect)
        if key not in self._known:  # the value is kept: an id belongs to it as long as it is there
            column = ("", str(len(self._values)))
            whole = self.expanded(value) if self._may(len(value.direct) + len(value.indirect)) else None
            if whole is None or self.exhausted:
                return unresolved(value.text)
            self._values[column] = whole
            self._known[key] = (value, column)
        return value._replace(direct={self._known[key][1]: Use()}, indirect={})

    def _may(self, steps: int) -> bool:
        self.exhausted = not self._spend(steps * _WRITING)
        return not self.exhausted

    def expanded(self, value: Value, only: Iterable[Column] | None = None) -> Value:
        """The value with the sources that its stand-ins (`only`: those among these) stand for."""
        wanted = self._wanted(only)
        if not any(c in wanted for c in value.direct) and not any(i.column in wanted for i in value.indirect):
            return value
        direct: dict[Column, Use] = {}
        indirect: dict[Influence, Use] = {}
        for column, use in value.direct.items():
            if column in wanted:
                found = self._values[column]
                if not self._may(len(found.direct) + len(found.indirect)):
                    return unresolved(value.text)
                merge_into(direct, {c: _through(use, inner) for c, inner in found.direct.items()})
                merge_into(indirect, found.indirect)
            else:
                merge_into(direct, {column: use})
        merge_into(indirect, self.expanded_keys(value.indirect, only))
        if self.exhausted:
            return unresolved(value.text)
        return value._replace(direct=direct, indirect=indirect)

    def expanded_keys(
        self, keys: Mapping[Influence, Use], only: Iterable[Column] | None = None
    ) -> Mapping[Influence, Use]:
        """Keys and conditions with the sources that their stand-ins stand for, all in the role of the key.

        Those of a stand-in for which there was no more work to do are left out: `exhausted` says so.
        """
        wanted = self._wanted(only)
        if not any(influence.column in wanted for influence in keys):
            return keys
        out: dict[Influence, Use] = {}
        for (column, subtype), use in keys.items():
            if column in wanted:
                found = as_role([self._values[column]], subtype)
                if not self._may(len(found)):
                    continue
                merge_into(out, {i: _through(use, inner)._replace(text=use.text) for i, inner in found.items()})
            else:
                merge_into(out, {Influence(column, subtype): use})
        return out

    def _wanted(self, only: Iterable[Column] | None) -> Iterable[Column]:
        return self._values if only is None else only

    def settled(self, values: Sequence[Value]) -> tuple[tuple[Value, ...], dict[Column, Value]]:
        """The values of a plan's output, and the stand-ins that remain in them with what they stand for.

        One remains where its edges are fewer than half of those that it stands for.
        """
        if not self._values:
            return tuple(values), {}
        used = Counter(column for value in values for column in value.direct if is_stand_in(column))
        used += Counter(i.column for value in values for i in value.indirect if is_stand_in(i.column))
        few = {column for column, count in used.items() if not self._saves(column, count)}
        return tuple(self.expanded(value, few) for value in values), {
            column: self._values[column] for column in used if column not in few
        }

    def _saves(self, column: Column, uses: int) -> bool:
        sources = count_sources(self._values[column])
        return uses * sources > 2 * (uses + sources)


def count_sources(value: Value) -> int:
    """How many sources a value has."""
    return len(value.direct) + len(value.indirect)


def _through(use: Use, inner: Use) -> Use:
    """One source that is taken through a stand-in."""
    return Use(
        max(use.strength, inner.strength),
        use.masking or inner.masking,
        use.exact and inner.exact,
        inner.fields if use.fields is None else use.fields,
        inner.text,
    )
