"""Answers as people look at them: trees and tables for a terminal, SVG, HTML, Mermaid, DOT, CSV, Markdown.

All text is other people's and is escaped for where it is shown (`escape`). Nothing here asks a store. Read `render`
first.
"""
