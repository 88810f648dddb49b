"""The shell: what takes payloads in, keeps them (the ledger) and brings them into the graph."""
