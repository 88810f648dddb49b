"""``docs/spark-parity.md``, from what the Python agent knows more: `python -m tests.golden.agents_page`."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.golden.agents import ALONE, MORE
from tests.spark.captures import cases

PAGE = Path(__file__).parents[2] / "docs" / "spark-parity.md"

_HEAD = """\
<!-- Made by `python -m tests.golden.agents_page > docs/spark-parity.md` from the tables in tests/golden/agents.py. -->

# Two agents, one lineage

The real Spline agent (Scala, 2.2.0) and Headwater's own in Python report the same jobs. {count} of the scripts in
`tests/payloads` were run with both on PySpark 3.5; where a write is not in the table below, columns, keys, inputs and
effect are equal. Where it is, ours knows more. `tests/golden/test_agent_captures.py` holds both to it.

## Where ours knows more

| what | seen in |
|---|---|
"""

_TAIL = """
In every plan the agent in Python also has ids that stay the same from run to run, without Spark's ids, times, seeds or
time zones in them. Its event has the start time and the numbers of the write. It sends no pickled functions.
Subqueries, MERGE and the like are written in the wire format's own terms (operations, attributes, references), so that
any Spline server gains.

## Conventions

- `COALESCE` (`NVL`, `IFNULL`) gives each operand CONDITIONAL beside DIRECT, and `count` is masking, as
  OpenLineage's spec has it; so are `count_if`, `regr_count`, `approx_count_distinct` and sketches. Of `CASE` and `IF`
  only the conditions are CONDITIONAL. Where all branches are one value, there is no condition. `greatest` and `least`
  take their operands DIRECT alone.
- Keys of a scalar subquery, or of an EXISTS in the SELECT list, belong to the column that it makes. In a WHERE they
  are keys of the whole output.
- A field of `max(struct(a, b))` or `min` comes from that field, and the struct's other fields are CONDITIONAL.
- The number of rows that a generator (`explode`, `inline`) makes is INDIRECT/JOIN of the whole output. It is not for
  `stack`, nor for arrays or maps that list their items: these have the same number for each row, also after
  `transform`, `sort_array`, `concat`, `flatten`, `slice` and the like. Of `if(a, array(b, c), array(b))` it is `a` that
  decides. As with filters, joins and keys there is one such edge, to the dataset, and not one for each column: a table
  of 300 columns would have 300 edges that say the same.
- Fields are followed through arrays, maps and lambdas that the plan builds: `transform(items, e -> struct(e.sku,
  qty))[0].sku` comes from `items.sku` alone. What decides which items a `filter` keeps, or their order after a sort, is
  CONDITIONAL of a single item. The array as a whole comes from all of it, DIRECT. What a lambda makes of the items
  comes from what it takes of them: `transform(items, e -> e.sku)` from `items.sku`. A key or number that is computed is
  DIRECT of what it chooses: `m[k].a` comes from the `a` of all values, and from `k`.
- A function that Spark replaces by others (`try_divide`, `left`, `nvl2`, `date_part`) is shown as it was called,
  where the agent in Python says how that was. A time window is `window(ts)`, one value of a PIVOT `sum(a) FILTER
  (WHERE s = 'x')`. The column of a PIVOT is CONDITIONAL of the columns that it makes, and no key of the whole output.
- A list of files is one dataset, named by their folder, in three cases: the folder has partitions (`dt=...`), the names
  differ in numbers and ids only, or there are more than 16 files of one kind.
- A table that Spark empties (`TRUNCATE`, `DELETE` without WHERE) holds nothing from then on, and neither does a column
  that is dropped. A `DROP TABLE` is not seen, since the table is gone before an agent can ask where it was: what was
  written before holds until a write replaces it.
- A renamed column has one node, under its new name, at all times. Where the old name is used again later, or the new
  one was used before, names alone do not say which of the two an earlier plan meant. Then they are two columns, and the
  new one comes from the old one.
- CSV and text files are read by position, whatever the reader calls the columns. What was written at a position is
  what holds now; partitions are read by name. A file that no plan is known to write has its reader's names.
  A CSV read as text has whole lines, so a column of it comes from all columns, and so the other way round.
- A plan keeps 20,000 column edges. Columns with the most sources are left out first: they are unresolved, and say
  how many sources they had. Sources that many columns have in common count once: opaque code over 300 columns with as
  many results is 600 edges, and an answer shows all 90,000 pairs.
- A job that takes no column of a table (`count(*)`, a constant) still depends on its rows. With `--type all`, `n` comes
  from the rows of the table, and these from what the job before filtered and grouped by. Each step is one edge, as for
  columns.
- What is computed from a checkpoint comes from the checkpoint's own sources, so it is resolved, and `coverage` has no
  row for it.
- A table of Snowflake is `snowflake://account/DB.SCHEMA.TABLE`, as OpenLineage names it, also for a connector that
  gives account, database and schema as options. With slashes between them it is found as well.
- A connector has one name, whichever of its classes and short names a job uses (`cassandra`, `mongodb`, `bigquery`,
  `elasticsearch`, ...). What `load` and `save` of BigQuery or Elasticsearch are given is a table, not a path. The
  region is part of a name in DynamoDB and Kinesis.
- A branch of an Iceberg table is a dataset beside it, `t.branch_dev`, however a job chooses it: by its name, by an
  option, by `spark.wap.branch`. `CREATE BRANCH` copies each column of the table, `fast_forward` gives them back. A
  branch that `spark.wap.branch` itself begins has what was written to it alone. A write under `spark.wap.id` adds
  to the table's lineage and replaces nothing, since nobody sees it before `publish_changes`; that procedure and a
  rollback are writes without columns. Iceberg's tables of changes (`t.changes`) and metadata (`t.files`) are
  datasets beside the table; Delta's change feed is the table, and `_change_type` and the like are none of its
  columns.
- `DataFrameWriterV2.option("branch", ...)` is not a branch: Iceberg 1.6 writes to the table itself, and so it is
  told.
- Where both sides of a join come from one frame, Spark gives the columns of a checkpoint new ids. Such a checkpoint is
  found by its RDD, or if it is the only one with these names.
- A JDBC read whose URL ends in a masked password stays unresolved, even where its query can be read: the name is
  cut off.

## What neither sees

- Code: a UDF's body, `mapInPandas`, RDDs. Columns behind it are marked as not exact, or as unresolved.
- Data that Spark does not write by a command: a driver's own files, `toPandas()`, an RDD's `saveAsTextFile`.
- Glue's DynamicFrames that are written by Glue's own sinks.

## Limits of ours

- An `ignore` write that left alone what was there is no write, and is not reported.
- A CREATE TABLE AS SELECT into a table format that stages its table (Delta) is told once, by the command itself.
- Of a plan with more than 500 leaves the sources beyond those are not named; nor are more than 64 files behind an RDD.
- `DataFrame.unpivot` on Spark 3.5: Spark leaves its projections out of its JSON. They are asked for one by one, and
  what is more than a column, a cast or a constant is a function of the columns that it names.
"""


def page() -> str:
    """The page's text."""
    seen: dict[str, set[str]] = defaultdict(set)
    for (case, target, _), what in MORE.items():
        seen[what].add(f"{case.partition('_')[0]} `{target}`")
    for (case, target), what in ALONE.items():
        seen[what].add(f"{case.partition('_')[0]} `{target}`")
    rows = "".join(f"| {what} | {', '.join(sorted(where))} |\n" for what, where in sorted(seen.items()))
    return _HEAD.format(count=len(cases())) + rows + _TAIL


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is its output
