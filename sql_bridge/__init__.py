"""Everything SQL: what a statement reads, writes, and makes each column of, without an agent and without running it.

Here: one statement (`statements`, read first), one query (`queries`), what sqlglot says of it before (`qualifying`),
what a name in FROM means (`relations`), and the tables of a statement that cannot be read further (`tables`). Parsing
is sqlglot's. What is read is a `Statement` (`model`): a write whose columns are not certain has a `reason`, and is
never left out. Not here: where statements come from (`headwater.aws_bridge`, `headwater.sqlhistory`, and for the
queries inside Spark's plans `spline_bridge.jdbc_queries`), and what is made of them (`headwater.sqlhistory.events`).
Pure: text in, values out; no network, no clock, no logging. Imports `graphmodel`.
"""
