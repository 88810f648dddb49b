"""Scheduled impact analysis: watches are questions that are asked regularly, and only what changed is reported.

Read `running` first: it evaluates one watch. `definitions` reads the file of watches, `serving` runs them on their
schedules, `news` compares two answers (pure), `reports` writes a report as Markdown, HTML or JSON (pure), `channels`
delivers it, `state` keeps the last answers and the reports that could not be delivered.

Not here: what a question computes (`headwater.queries`), and the commands (`headwater.cli.watch`).
"""
