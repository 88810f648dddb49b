"""The shapes of answers and of refusals: frozen data with `to_dict`, and no store behind them.

Not here: how an answer is computed (`questions`) or drawn (`drawing`). Read `answer` first.
"""
