"""What a bridge builds a plan's columns of: their sources and roles as `values`, and their readable `text`.

Not here: how an expression is read, which is the business of each bridge.
"""
