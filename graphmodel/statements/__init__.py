"""Statements about datasets, columns and jobs: tags (owners, classifications, retired, ignored), descriptions, names.

Systems also list datasets with their columns (``dataset``), and properties of nodes (``facts``).

A statement has a source: ``people``, or a system such as ``glue``. People state one thing at a time, and withdraw it
by another statement. A system sends snapshots: all that it states about one scope (e.g. one database) at one time.
What its next snapshot of the same scope does not list any more is withdrawn thereby. Nobody withdraws what another
source stated.

Statements and snapshots are entries of the ledger, like payloads. Read `model` first (what a statement is), then
`json_text` (how it is read, checked and written), `effective` (which statements count: a function of the set of
entries, so their order does not matter) and `shown` (the edges and properties that show them: a function of that and
of the nodes in the graph). `values` has what the kinds ``dataset`` and ``facts`` say. Statements wait for their nodes;
one of the kind ``dataset`` makes them. Pure. Not here: two names of one dataset (`graphmodel.renaming`), and the
derived tables (`ingest.fold.statements`).
"""
