"""Everything OpenLineage: what comes in is checked, redacted, folded by run and mapped to the model; runs go out again.

Here: one event (`events`), all events of a run together (`fold`), what a run came to (`outcome`), its datasets' names
(`names`), its column lineage (`columns`), and from all that plans and runs (`mapping`, read first). Out: a run and its
plan as events (`emit`), events that came (`forward`), the limits of Amazon DataZone (`datazone`). Not here: HTTP, the
ledger.
Pure: bytes and parsed JSON in, values out; no network, no clock, no logging. Imports `graphmodel`, and of
`spline_bridge` what is no wire format: which job an application is, and what a secret looks like.
Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json
"""
