"""A data folder as one thing: its ledger, its graph, and the projector that keeps the two equal.

Here: opening and closing it (`service`, read this first), where its derived tables lie (`targets`), and moving its
graph to another store: replay, export for Neptune's bulk loader. Not here: the formats of ledger and tables.
"""
