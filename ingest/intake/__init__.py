"""What may come in, and what it means: one bridge for each format that senders use.

Here: the table of bridges (`bridges`, read this first; what a row is stands in `bridge`), the rows (`spline`,
`statements`), limits on bodies, unpacking and parsing (`body`), the work on one body (`work`), bodies that were kept
before (`kept`), and files for `headwater load` (`loading`). Not here: HTTP itself (`ingest.http`), writing to the
ledger, and the rules of a format, which are pure (`spline_bridge`).
"""
