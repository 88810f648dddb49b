"""The inbox: accepted payloads as files, in S3 or in a folder, until the ingester has them in the ledger.

    writing     what a receiver does with an accepted payload: one file, acknowledged when it is stored
    reading     what the ingester does: find files, read them, remove those that are in the ledger, set bad ones aside
    queue       files are told of by messages of SQS instead of being looked for

What a file is stands in `ingest.intake.envelope` and `ingest.intake.loading`. Not here: the ledger, the graph.
"""
