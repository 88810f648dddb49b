"""SQL statements read to their columns: 1,000 different ones, as a warehouse built by dbt has them."""

from __future__ import annotations

import time
from pathlib import Path

from bench.figure import Figure
from headwater.sql_bridge.model import Dialect, Known
from headwater.sql_bridge.statements import Session

_TABLES, _COLUMNS = 300, 40
_DIALECTS = ("athena", "redshift", "snowflake", "spark", "trino")

#: Of ten statements: one of four queries in WITH over joins and windows, three joins with groups, and shorter ones.
_FORMS = (
    """create table m{n} as with base as (select o.*, c.c1 as country, c.c2 as segment from {a} o left join {b} c
    on o.c0 = c.c0 where o.c3 >= '2026-01-01'), agg as (select country, segment, date_trunc('month', c3) as m,
    sum(c4 * rate) as revenue, count(distinct c0) as buyers, max(case when c5 = 'x' then c6 else 0 end) as peak
    from base join (select c1 as cur, c2 as rate from {c}) fx on base.c7 = fx.cur group by 1, 2, 3),
    ranked as (select *, rank() over (partition by country order by revenue desc) as rk, lag(revenue) over
    (partition by country, segment order by m) as prev from agg) select country, segment, m, revenue, buyers, peak, rk,
    (revenue - prev) / nullif(prev, 0) as growth from ranked where rk <= {n} order by revenue desc""",
    "create table m{n} as select {wide} from {a} o join {b} c on o.c0 = c.c0 where o.c1 > {n} group by {wide}",
    "create view m{n} as select * from {a} where c1 in (select c2 from {b} where c3 = {n})",
    "insert into {c} select {columns} from {a} where c2 = 'v{n}'",
    "create table m{n} as select {wide} from {a} o left join {b} c on o.c1 = c.c1 and c.c2 = {n}",
    """merge into {c} t using {a} s on t.c0 = s.c0 and s.c9 = {n} when matched then update set c1 = s.c1, c2 = s.c2
    when not matched then insert (c0, c1) values (s.c0, s.c1)""",
    "update {c} set c1 = c2 + {n} where c3 > 7",
    "insert into {c} (c0, c1, c2) select c0, sum(c1), max(c2) from {a} where c4 <> {n} group by c0",
    "create table m{n} as select c0, c1 from {a} union all select c2, c3 from {b} where c1 = {n}",
    "delete from {c} where c0 in (select c1 from {a} where c2 = {n})",
)


def statements(count: int) -> list[str]:
    """That many different statements."""
    wide = ", ".join(f"{side}.c{n} as {side}{n}" for side in "oc" for n in range(5, 15))
    keys = ", ".join(f"{side}.c{n}" for side in "oc" for n in range(5, 15))
    columns = ", ".join(f"c{n}" for n in range(_COLUMNS))
    found = []
    for n in range(count):
        form = _FORMS[n % len(_FORMS)]
        tables = {name: f"t{(n * step) % _TABLES}" for name, step in (("a", 7), ("b", 11), ("c", 13))}
        text = form.replace("group by {wide}", f"group by {keys}")
        found.append(text.format(n=n, wide=wide, columns=columns, **tables))
    return found


def sql(_place: Path, *, quick: bool) -> list[Figure]:
    """CPU time of all, with the types of columns, by a catalog of 300 tables with 40 columns."""
    count = 100 if quick else 1_000
    known = Known({f"c{n}": "varchar" for n in range(_COLUMNS)})
    tables = {f"db.s.t{n}" for n in range(_TABLES)}

    def catalog(name: str) -> Known | None:
        return known if name.lower() in tables else None

    begin = time.process_time()
    dark = columns = 0
    for number, text in enumerate(statements(count)):
        dialect = Dialect(_DIALECTS[number % len(_DIALECTS)], "db", "s")
        (write,) = Session(dialect, catalog, types=True).read(text).writes
        dark += bool(write.reason)
        columns += len(write.columns)
    spent = time.process_time() - begin
    return [
        Figure(f"{count:,} statements read to {columns:,} columns, CPU", spent, "s", 60.0 * count / 1_000),
        Figure("of these not read to their columns", dark, "", 0),
    ]
