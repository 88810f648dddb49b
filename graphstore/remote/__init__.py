"""A graph behind a WebSocket: TinkerPop's Gremlin Server, and what Neptune shares with it.

Not here: what only Neptune does (`graphstore.neptune`). Read `store` first.
"""
