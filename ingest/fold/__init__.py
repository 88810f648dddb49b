"""The derived tables beside the graph, and how one batch of entries changes them and the graph.

The rules are pure functions of `graphmodel`; here they are applied to the few rows that can have changed.
Here: the tables' file and SQL (`file`, `tables`, `rows`), and one module per kind of change (`reference_counts`,
`dataset_views`, `validity`, `statements`). Read `projection` first. Not here: reading the ledger, writing the graph.
"""
