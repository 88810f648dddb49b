"""Queries that SQL engines ran, as lineage: their histories are read, and each write becomes OpenLineage events.

Here: one query of a history (`model`), what its statements come to (`reading`), the events (`events`), one module for
each engine (`athena`, `redshift`, `snowflake`), and the import that goes on after the last one (`running`, read first).
Not here: what a statement does (`headwater.sql_bridge`), the calls to AWS (`headwater.aws_bridge`). The events come in
as those of any other sender, so that the ledger keeps them, and verify, replay and erase hold for them.
"""
