"""A Gremlin endpoint: the graph, read by gremlinpython, graph-notebook and the Gremlin console as if it were Neptune.

From the frame to the answer: `endpoint` (WebSocket) -> `graphbinary` or `graphson` (the wire's formats, read and
written) -> `evaluation` (what is asked, within which limits) -> `text` (Gremlin as text, parsed into bytecode) -> the
embedded store, and the list of allowed steps (`graphstore.allowed_steps`) decides what is run. Text is never handed
to an interpreter.
"""
