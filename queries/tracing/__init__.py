"""What several questions share: how a node is found, and how lineage is walked, now and as of a time in the past.

Not here: questions of their own (`questions`) and shapes of answers (`answers`). Read `walk` first, then `edges`.
"""
