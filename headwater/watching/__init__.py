"""Scheduled impact analysis: questions that are asked again and again, and only what is new is told.

`definitions` reads a watches file, `news` compares answers (pure), `reports` writes what is told, `channels` tells it,
`state` remembers what was told, `running` puts them together.
"""
