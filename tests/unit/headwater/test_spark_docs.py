"""The page about the agent for Spark says what there is."""

from __future__ import annotations

from pathlib import Path

from headwater.cli.spark_docs import page, table

PAGE = Path(__file__).parents[3] / "docs" / "spark.md"


def test_the_table_of_settings_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert table() in text, "run: python -m headwater.cli.spark_docs docs/spark.md"
    assert text == page(text)
