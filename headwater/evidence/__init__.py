"""Evidence: an answer, the ledger entries on which it rests, and the proof that they stand unchanged in the ledger.

`collecting` finds the entries, `writing` writes the file; `check` is a program of its own that travels inside it, so
that somebody who trusts neither the server nor this package can check it. docs/ledger.md has the format.
"""
