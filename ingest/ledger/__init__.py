"""The ledger: every payload as it came, durable before it is acknowledged, append-only, chained by hash.

    entries        the data and the errors; pure
    chain          how a hash is computed, what a new entry becomes, how a chain is checked; pure
    port           what every ledger promises, as interfaces; read this first
    ledger         how one is opened
    sqlite/        the ledger in an SQLite file: what a server writes to
    segments, export   the ledger in portable files: their format, reading them as a ledger; writing and checking them
    group_commit   many senders that wait share one commit
    verify, backup     checking a ledger, also against an anchor; copying it
    folder_lock    one process at a time writes to a folder

Not here: what a payload means; nothing in this room reads one.
"""
