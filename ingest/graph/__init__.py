"""Followers of the ledger, above all the projector: reads it in order, at least once, and keeps the graph equal to it.

Read `following` first (the loop, and what it asks of a follower), then `projector` (the follower) and `batches` (one
batch). Also here: decoding of entries, writing a batch so that a crash cannot spoil it (`writer`, `mark`), what happens
after a crash (`recovery`), who may write a graph (`ownership`), entries that are set aside (`parking`), derived tables
that are missing (`table_recovery`). Not here: what a batch changes (`fold`), and the graph store itself (`graphstore`).
"""
