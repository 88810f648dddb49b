"""Everything Spline: the Producer API's documents are validated, redacted, decoded and mapped to the model here.

Pure: bytes and parsed JSON in, values out; no network, no clock, no logging. Imports `graphmodel`, and `sql_bridge`
for the queries inside plans.
"""
