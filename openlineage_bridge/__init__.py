"""Everything OpenLineage that comes in: events are checked, redacted, folded by run and mapped to the model here.

Here: one event (`events`), all events of a run together (`fold`), what a run came to (`outcome`), its datasets' names
(`names`), its column lineage (`columns`), and from all that plans and runs (`mapping`, read first). Not here: HTTP, the
ledger, and OpenLineage that goes out.
Pure: bytes and parsed JSON in, values out; no network, no clock, no logging. Imports `graphmodel`, and of
`spline_bridge` what is no wire format: which job an application is, and what a secret looks like.
Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json
"""
