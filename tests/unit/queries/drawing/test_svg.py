"""The picture of an answer: what has room is drawn, the data flows to the right, other people's text stays text."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from headwater.queries.answers.answer import Answer, Edge, Node
from headwater.queries.drawing.picture import BOXES, ROWS, WIDTH, picture
from headwater.queries.drawing.svg import svg
from tests.unit.queries.drawing.test_render import HOSTILE, answer

SVG = "{http://www.w3.org/2000/svg}"


def node(dataset: str, column: str | None = None, **fields: object) -> Node:
    name = f"{dataset}#{column}" if column else dataset
    label = "column" if column else "dataset"
    return Node(name, label, column or dataset, dataset, 0, "upstream", **fields)  # type: ignore[arg-type]


def edge(source: str, target: str, **fields: object) -> Edge:
    return Edge(source, target, **{"type": "DIRECT", **fields})  # type: ignore[arg-type]


def texts(drawn: str) -> list[str]:
    return ["".join(t.text or "" for t in (e, *e)) for e in ET.fromstring(drawn).iter(f"{SVG}text")]


CHAIN = answer(
    [node("c", "x"), node("b", "x"), node("b", "y"), node("a", "x")],
    [edge("a#x", "b#x"), edge("b#x", "c#x", masking=True, expression="sha2(x)"), edge("b#y", "c#x", type="INDIRECT")],
)


def test_what_flows_flows_to_the_right() -> None:
    boxes = {box.dataset: box for box in picture(CHAIN).boxes}
    assert boxes["a"].x + WIDTH < boxes["b"].x
    assert boxes["b"].x + WIDTH < boxes["c"].x
    assert [line.edge for line in picture(CHAIN).lines] == list(CHAIN.edges)


def test_lines_say_what_they_are() -> None:
    drawn = ET.fromstring(svg(CHAIN))
    told = [e.text for e in drawn.iter(f"{SVG}title") if "→" in (e.text or "")]
    assert told == ["a#x → b#x\nDIRECT", "b#x → c#x\nsha2(x)\nDIRECT\nmasked", "b#y → c#x\nINDIRECT"]
    strokes = {e.get("stroke-dasharray") for e in drawn.iter(f"{SVG}path") if e.get("fill") == "none"}
    assert strokes == {None, "6 3"}


def test_a_box_says_who_writes_it_and_a_row_what_makes_it() -> None:
    made = [
        edge("a#x", "b#x", expression="x + 1", job="job:glue/b"),
        edge("b#x", "c#x", expression="x", job="job:glue/c"),
    ]
    shown = texts(svg(answer([node("c", "x"), node("b", "x"), node("a", "x")], made)))
    words = " ".join(shown)
    assert all(text in words for text in ("by glue/b", "by glue/c", "x + 1"))
    assert "x" not in shown, "a copy has no expression"


def test_what_has_no_room_is_counted() -> None:
    many = [node(f"d{n}", "x") for n in range(BOXES + 7)] + [node("d0", f"c{n}") for n in range(ROWS + 4)]
    shown = texts(svg(answer(many, [])))
    assert "+7 more datasets" in shown
    assert "+5 more" in shown
    assert "not complete: limit" in texts(svg(answer(many[:1], [], complete=False, reason="limit")))


def test_other_peoples_text_stays_text() -> None:
    hostile = f"'><script>alert(1)</script>{HOSTILE}"
    evil = answer(
        [node(hostile, hostile, origin="constant", expression=hostile, tags=(hostile,))],
        [edge(f"{hostile}#{hostile}", f"{hostile}#{hostile}", expression=hostile, job=hostile)],
    )
    drawn = ET.fromstring(svg(evil))
    assert {e.tag.removeprefix(SVG) for e in drawn.iter()} <= {"svg", "rect", "g", "text", "title", "path"}
    assert "\x1b" not in svg(evil)


datasets = st.sampled_from("abcdef")
End = tuple[str, str | None]
ends = st.tuples(datasets, st.sampled_from((None, "x", "y")))


@given(st.lists(st.tuples(ends, ends), max_size=20))
def test_any_answer_has_a_picture_without_overlaps(pairs: list[tuple[End, End]]) -> None:
    """Cycles, self-reads and lonely nodes included."""
    nodes: dict[End, Node] = {end: node(*end) for pair in pairs for end in pair} or {("a", None): node("a")}
    some = answer(list(nodes.values()), [edge(nodes[s].id, nodes[t].id) for s, t in pairs])
    drawn = picture(some)
    assert {n.id for box in drawn.boxes for n in box.columns} == {n.id for n in some.nodes if n.label == "column"}
    assert len(drawn.lines) == len(some.edges)
    for one in drawn.boxes:
        assert 0 <= one.x <= one.x + WIDTH <= drawn.width
        for other in drawn.boxes:
            apart = one.x + WIDTH <= other.x or other.x + WIDTH <= one.x
            assert one is other or apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    ET.fromstring(svg(some))


def test_the_same_answer_has_the_same_picture() -> None:
    again = Answer.from_dict(CHAIN.to_dict())
    assert svg(again) == svg(CHAIN)
