"""A renamed column, and files that are read by position: where the graph has what other plans call otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.column_names import Mention, RenameRun, present_names
from headwater.graphmodel.model import (
    Dataset,
    DependencyType,
    Derivation,
    Effect,
    Job,
    OutputColumn,
    Plan,
    Run,
    Subtype,
)
from headwater.graphmodel.whole import Graph, graph

RAW, TABLE, OUT = "s3://lake/raw", "s3://lake/table", "s3://lake/out"


def plan(
    name: str, target: str | Dataset, effect: Effect, source: str, pairs: Sequence[tuple[str, str]], **more: object
) -> Plan:
    """A plan that writes columns of `target` out of columns of `source`: (source column, target column)."""
    target = Dataset(target) if isinstance(target, str) else target
    derivations = tuple(
        Derivation(
            to, source, from_, DependencyType.DIRECT, Subtype.IDENTITY, carried=(source, from_) == (target.uri, to)
        )
        for from_, to in pairs
    )
    columns = tuple(OutputColumn(to) for _, to in pairs)
    read = Dataset(source, columns=tuple(from_ for from_, _ in pairs))
    made = Plan(name, Job("spark", name), target, effect, "Save", (read,), columns, derivations, ())
    return replace(made, **more)  # type: ignore[arg-type]


def edges(whole: Graph, label: str) -> set[tuple[str, str]]:
    """(target, source) of the column edges, without the columns that come from themselves."""
    found = {(e.source, e.target) for e in whole.edges.values() if e.label == label and "#" in e.source}
    return {(target, source) for target, source in found if target != source}


def drawn(*plans: tuple[Plan, int]) -> Graph:
    """The graph of plans, each run once and ended at a time."""
    bodies = [Body(its, hashlib.sha256(its.agent_plan_id.encode()).hexdigest()) for its, _ in plans]
    return graph(bodies, [Event(Run(its.agent_plan_id, at, 0), at) for its, at in plans])


FILL = plan("fill", TABLE, Effect.KEEP, RAW, [("id", "id"), ("name", "old")])
RENAME = plan("rename", TABLE, Effect.KEEP, TABLE, [("id", "id"), ("old", "New")], renames=(("old", "New"),))
READ = plan("read", OUT, Effect.ALL, TABLE, [("new", "a")])


@pytest.mark.parametrize("label", ["derivesFrom", "everDerivesFrom"])
def test_a_renamed_column_has_what_was_written_and_read_under_its_old_name(label: str) -> None:
    before = plan("before", f"{OUT}/before", Effect.ALL, TABLE, [("old", "b")])
    whole = drawn((FILL, 10), (before, 20), (RENAME, 30), (READ, 40))
    assert edges(whole, label) == {
        (f"{TABLE}#id", f"{RAW}#id"),
        (f"{TABLE}#new", f"{RAW}#name"),
        (f"{OUT}/before#b", f"{TABLE}#new"),
        (f"{OUT}#a", f"{TABLE}#new"),
    }
    assert f"{TABLE}#old" not in whole.vertices


def test_a_column_renamed_twice() -> None:
    again = plan("again", TABLE, Effect.KEEP, TABLE, [("id", "id"), ("new", "last")], renames=(("new", "last"),))
    found = edges(drawn((FILL, 10), (RENAME, 20), (READ, 30), (again, 40)), "derivesFrom")
    assert (f"{TABLE}#last", f"{RAW}#name") in found
    assert (f"{OUT}#a", f"{TABLE}#last") in found


def test_an_update_after_the_rename_keeps_what_was_written_before() -> None:
    update = plan("update", TABLE, Effect.ALL, TABLE, [("id", "id"), ("new", "new")])
    found = edges(drawn((FILL, 10), (RENAME, 20), (update, 30)), "derivesFrom")
    assert found == {(f"{TABLE}#id", f"{RAW}#id"), (f"{TABLE}#new", f"{RAW}#name")}


def test_an_old_name_that_is_used_again_is_another_column() -> None:
    again = plan("again", TABLE, Effect.KEEP, f"{RAW}/more", [("x", "old")])
    found = edges(drawn((FILL, 10), (RENAME, 20), (again, 30)), "derivesFrom")
    assert {
        (f"{TABLE}#new", f"{TABLE}#old"),
        (f"{TABLE}#old", f"{RAW}#name"),
        (f"{TABLE}#old", f"{RAW}/more#x"),
    } <= found


@pytest.mark.parametrize(
    ("mentions", "expected"),
    [
        ([], {"old": "new"}),
        ([Mention("w", 5, 9, frozenset({"old"}))], {"old": "new"}),
        ([Mention("w", 19, 25, frozenset({"old"}))], {"old": "new"}),  # began before the rename was done
        ([Mention("w", 21, 25, frozenset({"old"}))], {}),
        ([Mention("w", 5, 9, frozenset({"new"}))], {}),
        ([Mention("r", 20, 20, frozenset({"old", "new"}))], {"old": "new"}),  # the rename itself
    ],
)
def test_when_a_rename_counts(mentions: list[Mention], expected: dict[str, str]) -> None:
    assert present_names([RenameRun(20, "r", 15, "old", "new")], mentions) == expected


def test_names_that_are_given_on() -> None:
    renames = [RenameRun(20, "r", 20, "a", "b"), RenameRun(30, "s", 30, "b", "c")]
    assert present_names(renames, []) == {"a": "c", "b": "c"}
    # to and fro: which of the two a plan means, its names do not say
    to_and_fro = [RenameRun(20, "r", 20, "a", "b"), RenameRun(30, "s", 30, "b", "a")]
    own = [Mention("r", 20, 20, frozenset({"a", "b"})), Mention("s", 30, 30, frozenset({"a", "b"}))]
    assert present_names(to_and_fro, own) == {}


def csv(uri: str, *columns: str, partitions: tuple[str, ...] = ()) -> Dataset:
    return Dataset(uri, columns=columns, format="csv", layouts=(columns,), partition_columns=partitions)


def lines(uri: str, column: str) -> Dataset:
    return Dataset(uri, columns=(column,), format="text", layouts=((column,),))


def test_a_csv_that_is_read_as_text_gives_whole_lines() -> None:
    made = plan("write", csv(TABLE, "name", "w"), Effect.ALL, RAW, [("name", "name"), ("w", "w")])
    read = plan("read", OUT, Effect.ALL, TABLE, [("value", "line")], inputs=(lines(TABLE, "value"),))
    found = edges(drawn((made, 5), (read, 10)), "derivesFrom")
    assert {source for target, source in found if target == f"{OUT}#line"} == {f"{TABLE}#name", f"{TABLE}#w"}


def test_a_text_that_is_read_as_a_csv_gives_parts_of_its_lines() -> None:
    made = plan("write", lines(TABLE, "line"), Effect.ALL, RAW, [("name", "line")])
    read = plan("read", OUT, Effect.ALL, TABLE, [("_c0", "a"), ("_c1", "b")], inputs=(csv(TABLE, "_c0", "_c1"),))
    found = edges(drawn((made, 5), (read, 10)), "derivesFrom")
    assert {(target, source) for target, source in found if target.startswith(OUT)} == {
        (f"{OUT}#a", f"{TABLE}#line"),
        (f"{OUT}#b", f"{TABLE}#line"),
    }


@pytest.mark.parametrize(("written", "read", "subtype"), [(csv, lines, "T"), (lines, csv, "T"), (csv, csv, "I")])
def test_a_part_of_a_line_is_not_what_was_written(
    written: Callable[[str, str], Dataset], read: Callable[[str, str], Dataset], subtype: str
) -> None:
    made = plan("write", written(TABLE, "line"), Effect.ALL, RAW, [("name", "line")])
    taken = plan("read", OUT, Effect.ALL, TABLE, [("_c0", "a")], inputs=(read(TABLE, "_c0"),))
    whole = drawn((made, 5), (taken, 10))
    (edge,) = (e for e in whole.edges.values() if e.label == "derivesFrom" and e.source == f"{OUT}#a")
    assert str(edge.properties["subtype"])[0] == subtype


def test_a_csv_is_read_by_position() -> None:
    made = plan("write", csv(TABLE, "name", "w"), Effect.ALL, RAW, [("name", "name"), ("w", "w")])
    bare = plan("bare", OUT, Effect.ALL, TABLE, [("_c1", "a")], inputs=(csv(TABLE, "_c0", "_c1"),))
    named = plan("named", f"{OUT}/b", Effect.ALL, TABLE, [("ww", "b")], inputs=(csv(TABLE, "nm", "ww"),))
    whole = drawn((bare, 5), (made, 10), (named, 20))
    for label in ("derivesFrom", "everDerivesFrom"):
        assert edges(whole, label) == {
            (f"{TABLE}#name", f"{RAW}#name"),
            (f"{TABLE}#w", f"{RAW}#w"),
            (f"{OUT}#a", f"{TABLE}#w"),
            (f"{OUT}/b#b", f"{TABLE}#w"),
        }
    columns = {v.properties["name"] for v in whole.vertices.values() if v.id.startswith(f"{TABLE}#")}
    assert columns >= {"name", "w"}
    assert not {"_c0", "_c1", "nm", "ww"} & columns


def test_names_that_cross_are_still_read_by_position() -> None:
    made = plan("write", csv(TABLE, "a", "b"), Effect.ALL, RAW, [("a", "a"), ("b", "b")])
    crossed = plan("read", OUT, Effect.ALL, TABLE, [("b", "x")], inputs=(csv(TABLE, "b", "a"),))
    assert (f"{OUT}#x", f"{TABLE}#a") in edges(drawn((made, 1), (crossed, 2)), "derivesFrom")


def test_a_partition_of_a_csv_is_read_by_name() -> None:
    written = Dataset(TABLE, format="csv", layouts=(("w",),), partition_columns=("day",))
    made = plan("write", written, Effect.ALL, RAW, [("w", "w"), ("d", "day")])
    read = plan("read", OUT, Effect.ALL, TABLE, [("_c0", "w"), ("day", "d")], inputs=(csv(TABLE, "_c0", "day"),))
    found = edges(drawn((made, 1), (read, 2)), "derivesFrom")
    assert {(f"{OUT}#w", f"{TABLE}#w"), (f"{OUT}#d", f"{TABLE}#day")} <= found


def test_two_jobs_that_append_to_one_csv_under_names_of_their_own() -> None:
    one = plan("one", csv(TABLE, "a"), Effect.KEEP, RAW, [("a", "a")])
    two = plan("two", csv(TABLE, "b"), Effect.KEEP, RAW, [("b", "b")])
    read = plan("read", OUT, Effect.ALL, TABLE, [("_c0", "x")], inputs=(csv(TABLE, "_c0"),))
    found = edges(drawn((one, 1), (two, 2), (read, 3)), "derivesFrom")
    assert {source for target, source in found if target == f"{OUT}#x"} == {f"{TABLE}#a", f"{TABLE}#b"}


def test_a_file_that_nobody_is_known_to_write_has_the_columns_that_its_reader_names() -> None:
    read = plan("read", OUT, Effect.ALL, TABLE, [("_c0", "x")], inputs=(csv(TABLE, "_c0"),))
    assert edges(drawn((read, 3)), "derivesFrom") == {(f"{OUT}#x", f"{TABLE}#_c0")}


def test_a_column_that_is_read_and_that_no_writer_of_the_dataset_makes_is_unresolved() -> None:
    made = plan("write", TABLE, Effect.ALL, RAW, [("a", "a")])
    read = plan("read", OUT, Effect.ALL, TABLE, [("a", "x"), ("b", "y")])
    found = drawn((made, 1), (read, 2)).vertices
    said = {name: found[f"{TABLE}#{name}"].properties for name in "ab"}
    assert {name: (one["origin"], one["resolved"]) for name, one in said.items()} == {
        "a": ("", True),
        "b": ("unresolved", False),
    }
    unnamed = "unresolved:p/LogicalRDD"
    whole = drawn((plan("rdd", OUT, Effect.ALL, unnamed, [("a", "x")]), 1))
    assert whole.vertices[f"{unnamed}#a"].properties["origin"] == "unresolved"
    # of a dataset that no job writes nothing is to be said
    assert drawn((read, 2)).vertices[f"{TABLE}#b"].properties["origin"] == ""
