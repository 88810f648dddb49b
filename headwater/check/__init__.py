"""The check before merge: what a changed plan, SQL or schema breaks.

`schemas`, `plans` and `statements` compare, `running` (plans, schemas) and `asking` (SQL) ask the graph.
"""
