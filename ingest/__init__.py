"""The shell: takes payloads in, keeps them in the ledger, and brings them into the graph.

Rooms, from the top; each may import those below it (import-linter checks it):

    process/   the server's process and the graph's process, and what passes between them
    gremlin/   the Gremlin endpoint: WebSocket, wire formats, Gremlin as text
    http/      the HTTP side: receiver, API, statements, who may ask, metrics
    publishing/  runs given out as OpenLineage events: a follower of the ledger, its memory, where events go
    folder/    a data folder opened: ledger, graph and projector together; moving a graph elsewhere
    graph/     followers of the ledger, above all the projector: from entries to batches of changes in the graph store
    intake/    the bridges, one for each format: from a body or a file to entries, from entries to plans and runs
    fold/      the derived tables beside the graph, and how one batch of entries changes them
    ledger/    every payload as it came: appended, hash-chained, verified, backed up, exported
    places/    folders and S3 prefixes as places for files

Read first: `ingest.process.server` for how it starts, `ingest.graph.projector` for how the graph follows the ledger.
"""
