"""The ledger in one SQLite file of a data folder: the implementation of `ledger.port` that a server writes to.

Here: the file and its schema (`file`, `ledger.sql`), the ledger itself (`ledger`, read this first), its transactions
(`writer`), and moving SQLite's log into the file (`checkpoint`). Not here: what an entry's hash covers, what a
duplicate is, and the check of the chain; they are the same in every ledger (`ledger.chain`).

Nothing outside of `ingest/ledger` imports this, and no error of SQLite leaves it.
"""
