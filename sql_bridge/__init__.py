"""Everything SQL: what a statement reads, writes, and makes each column of, without an agent and without running it.

Here: one query (`queries`), one statement (`statements`, read first), the tables of a statement that cannot be read
further (`tables`), and from that OpenLineage events (`events`). Parsing is sqlglot's. What is read is a `Statement`
(`model`): a write whose columns are not certain has a `reason`, and is never left out. Not here: where statements come
from (`headwater.aws_bridge`, `headwater.sqlhistory`), and the queries inside Spark's plans (`spline_bridge.sqltext`),
of which no schema is known.
Pure: text in, values out; no network, no clock, no logging. Imports `graphmodel`, and of `spline_bridge` the values
that columns are made of.
"""
