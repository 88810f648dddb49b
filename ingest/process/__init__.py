"""The processes of a running server: one receives and writes the ledger, one owns the graph and answers.

A third and a fourth come with the first large bodies, and work on these (`intake_process`).

Here: starting, watching and ending them, and passing requests from one to the other. Not here: what a request means
(`ingest.http`, `ingest.gremlin`) and how a data folder is opened (`ingest.folder`). Read `server` first.
"""
