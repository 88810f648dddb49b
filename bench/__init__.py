"""Benchmarks: ``make bench`` measures figures on this machine and prints each beside its goal.

These are not tests: a goal that is not met does not fail a build. What each figure is, is in bench/README.md.
"""
