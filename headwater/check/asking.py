"""Runs the check of SQL before a merge: what the graph knows of the tables, and what each statement breaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from headwater.check import schemas, statements
from headwater.check.difference import Check, Difference
from headwater.check.running import findings, lineage, text_of
from headwater.errors import WrongUse
from headwater.queries.answers.answer import Answer, Table
from headwater.queries.drawing import escape
from headwater.source import Source
from headwater.sql_bridge.model import Dialect, Known, Statement, Write
from headwater.sql_bridge.statements import Session

_NOT_FOUND = 404
_SHOWN = 80  #: characters of a statement in a sentence
_MOST_COLUMNS = 10_000
_MOST_PLANS = 10  #: of which types are asked: several jobs can write one dataset


def check_sql(
    source: Source, place: Path, dialect: Dialect, *, namespace: str = "", guess_renames: bool = False
) -> list[Check]:
    """What the statements of a file break, one check for each dataset that they write or define. WrongUse: no SQL.

    `namespace` is put before names that are not known as they are: ``redshift://cluster.region:5439``.
    """
    graph = _Graph(source, namespace)
    found = Session(dialect, graph.known, types=True).script(text_of(place))
    dark = next((one for one in found if one.kind == "unknown" and not one.writes), None)
    if not found or dark is not None:
        why = f"{dark.reason}: {_beginning(dark)}" if dark else "it has no statement"
        raise WrongUse(f"{place} cannot be read as SQL of {dialect.name}: {why}")
    gone: set[str] = set()
    checks = []
    for one in found:
        checks += [_of_write(graph, one, write, dialect, gone, guess_renames=guess_renames) for write in one.writes]
        gone.update(one.dropped)
    checks += _defined(graph, found, dialect)
    loose = tuple(f"{_beginning(one)}: {one.reason}" for one in found if one.reason and not one.writes + one.altered)
    if loose or not checks:
        read = ", ".join(dict.fromkeys(one.kind if one.kind != "other" else _beginning(one) for one in found))
        note = f"read: {len(found):,} {'statement' if len(found) == 1 else 'statements'} ({read})"
        ends = "" if loose else ": no dataset is written or defined"
        checks.append(Check(str(place), (), None, (f"{note}{ends}",), loose, compared=False))
    return list(_by_dataset(checks))


def _beginning(one: Statement) -> str:
    return escape.shorten(" ".join(one.text.split()), _SHOWN)


def _by_dataset(checks: Iterable[Check]) -> Iterator[Check]:
    """One check for each dataset: several statements can be about one, and say the same of it."""
    together: dict[str, list[Check]] = {}
    for one in checks:
        together.setdefault(one.dataset, []).append(one)
    for several in together.values():
        first = {(finding.difference.node, finding.difference.change): finding
                 for one in reversed(several) for finding in reversed(one.findings)}  # fmt: skip
        yield replace(
            several[0],
            findings=tuple(reversed(first.values())),
            notes=tuple(dict.fromkeys(note for one in several for note in one.notes)),
            unchecked=tuple(dict.fromkeys(why for one in several for why in one.unchecked)),
        )


def _defined(graph: _Graph, script: Sequence[Statement], dialect: Dialect) -> Iterator[Check]:
    """What definitions come to: all of a script together, for each dataset that they name."""
    last, there = _together(script, graph)
    reasons: dict[str, list[str]] = {}
    for one in script:
        for name in one.altered if one.reason and one.kind == "alter table" else ():
            reasons.setdefault(name, []).append(one.reason)
    listed: dict[str, list[Difference]] = {}
    for node, some in statements.definitions(last, graph.typed, graph.node, dialect.name):
        listed.setdefault(node, []).extend(some)
    for name in last.altered:
        node, now = graph.node(name), graph.typed(name)
        if now is None:
            yield Check(node, (), notes=(f"{node} is not in the graph: nothing is known to depend on it",))
            continue
        notes = [f"it is there already, so that {there[name]} changes nothing"] if name in there else []
        said = {column.lower() for column, type_ in last.created[name].columns.items() if type_} & now.keys() if (
            name in last.created) else set()  # fmt: skip
        retyped = {column.lower() for table, column in last.retyped if table == name}
        untyped = sorted(column for column in said - retyped if not now[column])
        if untyped:
            notes.append(f"types were not compared of {', '.join(untyped)}: nothing says them")
        found = tuple(findings(graph.source, listed.get(node, ())))
        yield Check(node, found, None, tuple(notes), tuple(dict.fromkeys(reasons.get(name, ()))))


def _together(script: Iterable[Statement], graph: _Graph) -> tuple[Statement, dict[str, str]]:
    """What a script defines and removes in the end, as one statement; and what IF NOT EXISTS leaves as it is."""
    created: dict[str, Known] = {}
    dropped: dict[str, None] = {}
    renamed: list[tuple[str, str, str]] = []
    retyped: list[tuple[str, str]] = []
    altered: dict[str, None] = {}
    of_query: set[str] = set()  #: which are compared as what is written
    there: dict[str, str] = {}
    for one in script:
        for name in one.if_missing:
            if name not in dropped and graph.now(name) is not None:
                there[name] = "IF NOT EXISTS"
        for name in one.dropped:
            created.pop(name, None)
            dropped[name] = None
        written = {write.target for write in one.writes}
        for name, known in one.created.items():
            if name in there and name in one.if_missing:
                continue
            dropped.pop(name, None)
            created[name] = known
            (of_query.add if name in written else of_query.discard)(name)
        altered.update(dict.fromkeys((*one.dropped, *one.altered)))
        renamed += one.renamed
        retyped += one.retyped
    defined = {name: known for name, known in created.items() if name not in of_query}
    kept = tuple(name for name in altered if name not in of_query or name in dropped)
    return Statement("script", "", (), defined, tuple(dropped), tuple(renamed), tuple(retyped), kept), there


def check_new_schema(source: Source, dataset: str, new: Path, *, guess_renames: bool = False) -> Check:
    """What another schema of a dataset breaks, beside the columns that the graph knows. WrongUse."""
    graph = _Graph(source, "")
    before = graph.now(dataset)
    if before is None:
        raise WrongUse(f"there is no dataset {dataset!r}")
    after = schemas.read_schema(text_of(new), str(new))
    node = graph.node(dataset)
    known = {name: statements.kind(type_) for name, type_ in before.items()}
    wanted = {name: statements.kind(type_) if known.get(name) else "" for name, type_ in after.items()}
    untyped = sorted(name for name, type_ in known.items() if not type_ and name in after)
    listed = schemas.differences(node, known, wanted)
    notes = [f"types were not compared of {', '.join(untyped)}: nothing says them"] if untyped else []
    if guess_renames:
        notes.append("no rename is guessed: the graph does not know the order of columns (--schema has two files)")
    return Check(node, tuple(findings(source, listed)), None, tuple(notes))


class _Graph:
    """What the graph knows of the tables that statements name. Each is asked for once."""

    def __init__(self, source: Source, namespace: str) -> None:
        self.source = source
        self._namespace = namespace.rstrip("/")
        self._rows = cache(self._asked)

    def node(self, name: str) -> str:
        """The id of a table's node; its name where there is none."""
        found = self._rows(name)
        return found[0] if found else (f"{self._namespace}/{name}" if self._namespace and "://" not in name else name)

    def now(self, name: str) -> dict[str, str] | None:
        """The columns that a dataset has, in lower case, with their types; None: there is no such dataset."""
        found = self._rows(name)
        return dict(found[1]) if found else None

    def typed(self, name: str) -> dict[str, str] | None:
        """As `now`; where no version of the dataset says types, those of the logics that stand."""
        columns = self.now(name)
        if not columns or any(columns.values()):
            return columns
        node = self.node(name)
        types = _types(self, node, lineage(self.source, node, depth=1))
        return {column: types.get(column, "") for column in columns}

    def known(self, name: str) -> Known | None:
        """As the reader of SQL wants it: in no order. All columns are known of a dataset that is written by a job."""
        columns = self.now(name)
        if not columns:
            return None
        written = any(columns.values()) or bool(lineage(self.source, self.node(name), depth=1).edges)
        return Known(columns, ordered=False, whole=written)

    def _asked(self, name: str) -> tuple[str, Mapping[str, str]] | None:
        for spelled in self._spellings(name):
            try:
                answer = self.source.ask("columns", [("dataset", spelled), ("limit", _MOST_COLUMNS)])
            except WrongUse as error:
                if error.status != _NOT_FOUND:
                    raise
                continue
            assert isinstance(answer, Table), "the query columns answers with rows"
            types = {str(row["name"]).lower(): str(row["type"] or "") for row in answer.rows}
            node = (
                str(answer.rows[0]["id"]).partition("#")[0]
                if answer.rows
                else lineage(self.source, spelled, depth=0).root
            )
            return node, types
        return None

    def _spellings(self, name: str) -> Iterator[str]:
        """The name as it is, below the namespace, and without its catalog, as Spark and Glue call it."""
        if self._namespace and "://" not in name:
            yield f"{self._namespace}/{name}"
        yield name
        parts = name.split(".")
        if "://" not in name and len(parts) > 2:  # noqa: PLR2004 - catalog.database.table
            yield ".".join(parts[-2:])
        if name != name.lower():
            yield name.lower()


def _of_write(
    graph: _Graph, statement: Statement, write: Write, dialect: Dialect, gone: set[str], *, guess_renames: bool
) -> Check:
    """`gone`: what the script has dropped before."""
    node = graph.node(write.target)
    if statement.kind == "unknown":  # its words alone say what it writes
        return Check(node, (), unchecked=(f"{write.reason}: {_beginning(statement)}",))
    if graph.now(write.target) is None:
        return Check(node, (), notes=(f"{node} is new: nothing is known to depend on it", *_notes(write)))
    if write.if_missing and write.target not in gone:
        return Check(node, (), notes=("it is there already, so that IF NOT EXISTS changes nothing",))
    if write.reason:
        return Check(node, (), unchecked=(f"its columns could not be compared: {write.reason}",))
    answer = lineage(graph.source, node, depth=1)
    old, new = statements.written_now(answer), statements.written_by(write, graph.node)
    whole = write.whole_rows and write.columns != ()
    said = () if write.keeps_types else write.columns
    types = {column.name.lower(): statements.kind(column.type, dialect.name) for column in said}
    found = statements.differences(
        answer.root, old, new, (_types(graph, node, answer), types), whole_rows=whole, guess_renames=guess_renames
    )
    listed = [_without_dark(one, set(statements.unresolved(write))) for one in found]
    notes = [*_notes(write)]
    if len(old.jobs) > 1:
        notes.append(f"{len(old.jobs)} jobs write this dataset: compared with all that they write together")
    return Check(answer.root, tuple(findings(graph.source, listed)), None, tuple(notes))


def _without_dark(one: Difference, dark: set[str]) -> Difference:
    """A column that could not be resolved: what is told of it says so."""
    if one.column in {name.lower() for name in dark} and one.new is not None:
        return replace(one, new=f"{one.new} (not resolved)")
    return one


def _notes(write: Write) -> Iterator[str]:
    dark = statements.unresolved(write)
    if dark:
        yield f"not resolved, as no table that is read is known to have what they name: {', '.join(dark)}"


def _types(graph: _Graph, node: str, answer: Answer) -> dict[str, str]:
    """The types of a dataset's columns now: of its newest version, else of the logics that stand."""
    found = {name: type_ for name, type_ in (graph.now(node) or {}).items() if type_}
    plans = sorted({edge.plan for edge in answer.edges if edge.plan})[:_MOST_PLANS] if not found else []
    for plan in plans:
        found = {**graph.source.types(plan), **found}
    return found
