"""What Python prints of an answer moves no cursor and turns no writing, whatever a node is called."""

from __future__ import annotations

import pytest

from headwater.notebook import Lineage, NotebookAnswer
from headwater.queries.answers.answer import Answer

HOSTILE = "s3://lake/\x1b[2Jorders\u202egnp.\u2066"


@pytest.mark.parametrize("answer", [Lineage(Answer(HOSTILE, "upstream", None, "all", None, (), ()))])
def test_repr_and_str_hold_no_control_characters(answer: NotebookAnswer) -> None:
    assert "orders" in repr(answer)
    for text in (repr(answer), str(answer)):
        assert not [character for character in text if character != "\n" and not character.isprintable()]
