"""Amazon Neptune: the remote store with Neptune's URL, signed connections, retry table and request sizes.

The retry table is `errors`. Not here: what any Gremlin Server does too (`graphstore.remote`). Read `store` first.
"""
