"""Errors as people read them."""

from __future__ import annotations

from headwater.errors import HeadwaterError


def test_a_suggestion_with_a_blank_at_its_end_is_quoted() -> None:
    error = HeadwaterError("there is no column 't#amount'", ["t#amount ", "t#a b"])
    assert str(error) == "there is no column 't#amount'\ndid you mean: 't#amount ', t#a b"
