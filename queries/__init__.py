"""Canned queries: gremlinpython traversals over any store, and the shapes of their answers.

Rooms, from the top; each may import those below it (import-linter checks it):

    catalogue/   the one table of all queries and their parameters, from which HTTP, command line and docs are derived
    questions/   one module per question: lineage, impact, changes, inputs, paths, estate, tags, ...
    drawing/     answers as text, SVG, HTML, Mermaid, DOT; beside questions/, and knows none of them
    tracing/     what questions share: walks over edges, now and as of a time; from a spelling to a node
    answers/     the shapes of answers and errors: frozen data, no store behind it

Read `queries.catalogue.catalogue` first.
"""
