"""The vocabulary and the mapping: pure, stdlib only; no I/O, no clock, no logging.

Imports nothing else of this project; everything else imports it.
"""
