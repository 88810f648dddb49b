"""Lineage given out: a follower of the ledger that sends its runs to another system as OpenLineage events.

    publisher   the follower: which runs of the ledger's entries are published, each at least once. Read this first
    state       what a publisher remembers between two starts: its checkpoint, plans, runs that wait for their plan
    backends    where events go: a file, an HTTP backend; and the promise that each of them keeps
    datazone    Amazon DataZone, which takes events in a form of its own

Not here: what an event says (`openlineage_bridge.emit`), the loop that calls a follower (`ingest.graph.following`).
"""
