"""The canned questions, one module each: what is asked of the graph, and how the answer is put together.

Not here: walks that several questions share (`tracing`), shapes of answers (`answers`), pictures (`drawing`), names and
parameters (`catalogue`). Read `lineage` first.
"""
