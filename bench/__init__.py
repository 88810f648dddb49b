"""Figures, measured on the machine at hand: ``make bench``. Not tests; nothing here passes or fails a build."""
