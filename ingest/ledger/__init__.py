"""The ledger: every payload as it came, durable before it is acknowledged, append-only, chained by hash.

Here: what an entry is and how it is chained (`entries`, read this first), the SQLite file, the group commit, checking,
anchors, backups, and portable segments. Not here: what a payload means; nothing in this room reads one.
"""
