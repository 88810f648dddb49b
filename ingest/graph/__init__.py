"""The projector: reads the ledger in order, at least once, and keeps the graph equal to it.

Here: the loop (`projector`, read this first), decoding of entries, writing a batch so that a crash cannot spoil it
(`writer`, `mark`), entries that are set aside (`parking`), derived tables that are missing (`table_recovery`). Not
here: what a batch changes (`fold`), and the graph store itself (`graphstore`).
"""
