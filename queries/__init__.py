"""Canned queries: gremlinpython traversals over any store, and the shapes of their answers.

`queries.catalogue` lists them all in one table, from which HTTP, command line and docs are derived.
"""
