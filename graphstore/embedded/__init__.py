"""The embedded store: the graph engine graphersal in this process, durable in one folder, behind gremlinpython.

Only this room knows the engine. Not here: what is written and asked. Read `store` first.
"""
