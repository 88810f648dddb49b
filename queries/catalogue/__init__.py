"""The one table of all canned queries: name, parameters, shape of the answer, and the function that answers.

HTTP, the command line and docs/queries.md are derived from it. Not here: how a question is answered (`questions`).
Read `catalogue` first, then `query` for what a row is.
"""
