"""What several questions share: how a node is found, and how lineage is walked, now and as of a time in the past.

    resolve                      from a spelling that a user types to the id of a node
    walk, edges, lineage         the walk level by level; the requests that give its edges; the lineage answer
    as_of, contributions, edges_as_of   the same as of a time in the past: which plans contributed then
    twice_told                   as of ever, edges that two reports of one write both tell, once
    derivations, staleness       what each plan derives, to be compared; whether a source changed since it was read
    tags, full_scan, rows        tags of nodes; reading all vertices of a label; parts of requests
    graph_algorithms             paths, cycles and order in links that are in memory; pure

Not here: the questions themselves (`questions`) and the shapes of answers (`answers`). Read `walk` first, then `edges`.
"""
