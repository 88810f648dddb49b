"""The shapes of answers and of refusals: frozen data with `to_dict` and `from_dict`; nothing here asks a store.

Not here: how an answer is computed (`questions`) or drawn (`drawing`). Read `answer` first.
"""
