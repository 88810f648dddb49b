"""`headwater load`: what is taken for a payload, and what is said about the rest."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headwater.ingest.intake.body import MIB, Limits
from headwater.ingest.intake.loading import NotAPayload, read
from tests.acceptance import fake_s3
from tests.acceptance.door import PAYLOADS, PIPELINE, headwater
from tests.acceptance.fake_s3 import FakeS3


def test_load_takes_files_lines_lineage_files_and_gzip_and_says_what_it_refused(tmp_path: Path) -> None:
    case = PAYLOADS / "a01_customers_clean"
    plan, events = (json.loads((case / name).read_text()) for name in ("002-plan.json", "003-event.json"))
    lines = "\n".join(map(json.dumps, [plan, events[0], {"no": "payload"}]))
    (tmp_path / "both.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    (tmp_path / "_LINEAGE").write_text(json.dumps({"executionPlan": plan, "executionEvent": events[0]}))
    (tmp_path / "other.json").write_text('{"no": "payload"}')
    del plan["operations"]["write"]["outputSource"]
    (tmp_path / "broken.json").write_text(json.dumps(plan))
    folder = tmp_path.with_name("elsewhere")
    shown = headwater("load", "--data", folder, tmp_path / "both.ndjson.gz", tmp_path, "--json")
    tally = json.loads(shown.stdout)
    assert shown.returncode == 1
    # The _LINEAGE file's plan and event are the same as the lines', in other bytes.
    assert (tally["plans"], tally["events"], tally["known"], tally["skipped"]) == (2, 2, 0, 1)
    reasons = {Path(refused["place"]).name: refused["reason"] for refused in tally["refused"]}
    assert "neither a Spline execution plan" in reasons["both.ndjson.gz:3"]
    assert "$.operations.write.outputSource" in reasons["broken.json"]


#: kept apart: what the rest of a file in a folder tells about its lines
LINES = {
    "a line that is damaged among payloads": (["plan", "event", '{"half": '], 1, 0),
    "a file of lines that is another file": (['{"some": 1}', '{"other": 2}'], 0, 1),
    "a file whose only line is cut off": (['{"executionPlan": {"id": '], 1, 0),
    "lines of a text": (["a log,", "not JSON"], 1, 0),
}


@pytest.mark.parametrize(("lines", "refused", "skipped"), LINES.values(), ids=LINES)
def test_lines_in_a_folder(lines: list[str], refused: int, skipped: int, tmp_path: Path) -> None:
    known = {"plan": "002-plan.json", "event": "003-event.json"}
    texts = [
        json.dumps(json.loads(Path(PIPELINE[0], known[line]).read_bytes())) if line in known else line for line in lines
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "lines.jsonl").write_text("\n".join(texts))
    shown = headwater("load", tmp_path / "in", "--data", tmp_path / "data", "--json")
    tally = json.loads(shown.stdout)
    assert (len(tally["refused"]), tally["skipped"], shown.returncode) == (refused, skipped, 1 if refused else 0)


@pytest.mark.parametrize("name", ["plan.json", "plan.json.gz", "_LINEAGE", "plan.ndjson"])
def test_a_damaged_file_in_a_folder_is_refused_as_one_that_is_named(name: str, tmp_path: Path) -> None:
    whole = Path(PIPELINE[0], "002-plan.json").read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "other.json").write_text('{"compilerOptions": {}}')
    (tmp_path / "in" / name).write_bytes(gzip.compress(whole[:200]) if name.endswith(".gz") else whole[:200])
    said = []
    for place in (tmp_path / "in", tmp_path / "in" / name):
        shown = headwater("load", place, "--data", tmp_path / "data", "--json")
        assert shown.returncode == 1
        said.append(json.loads(shown.stdout))
    (in_folder,), (named, *_) = (each["refused"] for each in said)
    assert in_folder == named
    assert in_folder["place"].startswith(str(tmp_path / "in" / name))
    assert in_folder["reason"].startswith("not JSON: ")
    assert said[0]["skipped"] == 1


#: bytes of a file that was named itself -> the reason why it is refused
NO_PAYLOADS = {
    "empty": (b"", "not JSON"),
    "no JSON": (b"hello", "not JSON"),
    "a damaged gzip": (gzip.compress(b'{"a": 1}')[:-9] + b"x", "damaged gzip"),
    "a gzip whose data are damaged": (gzip.compress(b"")[:10] + b"\xff\xff\xff", "damaged gzip"),
    "another document": (b'{"a": 1}', "neither a Spline execution plan nor execution events"),
    "an empty list": (b"[]", "neither a Spline execution plan nor execution events"),
    "a lineage file without a plan": (b'{"executionPlan": [], "executionEvent": {"a": 1}}', "executionPlan"),
    "a plan without its operations' content": (b'{"operations": {}}', "$.operations"),
    "an event without a plan's id": (b'[{"planId": null, "timestamp": 1}]', "planId"),
}


def test_files_that_are_no_payloads_are_refused_with_their_reason(tmp_path: Path) -> None:
    for name, (content, _) in NO_PAYLOADS.items():
        (tmp_path / f"{name}.json").write_bytes(content)
    shown = headwater("load", *sorted(tmp_path.iterdir()), "--data", tmp_path / "data", "--json")
    assert shown.returncode == 1
    refused = {Path(one["place"]).stem: one["reason"] for one in json.loads(shown.stdout)["refused"]}
    assert refused.keys() == NO_PAYLOADS.keys()
    for name, (_, reason) in NO_PAYLOADS.items():
        assert reason in refused[name]


#: a file that would cost memory or time without end -> its name, and the reason why it is refused
ENDLESS = {
    "blanks without end": ("blanks.json.gz", lambda: b" " * 2**20, "bytes, unpacked"),
    "blank lines": ("lines.ndjson.gz", lambda: b"\n" * 2**20, "bytes of blank lines"),
    "one line": ("line.ndjson.gz", lambda: b" " * 2**20, "the file is not read any further"),
    "lines that are no payloads": ("others.ndjson.gz", lambda: b"1\n" * 2**19, "lines that are no payloads"),
}


@pytest.mark.parametrize(("name", "piece", "reason"), ENDLESS.values(), ids=ENDLESS)
def test_a_small_file_that_unpacks_to_much_is_refused(
    name: str, piece: Callable[[], bytes], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    with gzip.open(path, "wb", 1) as file:
        for _ in range(40):
            file.write(piece())
    *_, last = read(path, asked=False, limits=Limits(unpacked_bytes=32 * MIB))
    assert isinstance(last, NotAPayload)
    assert (last.asked, reason in last.reason) == (True, True)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")  # opening it would wait for ever
    places = [tmp_path / "pipe.json", Path("/dev/zero")]
    shown = headwater("load", *places, "--data", tmp_path / "data", "--json")
    assert shown.returncode == 1
    refused = json.loads(shown.stdout)["refused"]
    assert refused == [{"place": str(place), "reason": "is no regular file"} for place in places]


def test_a_link_in_a_folder_is_followed_within_the_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    payload = Path(PIPELINE[0], "002-plan.json").read_bytes()
    (tmp_path / "outside.json").write_bytes(payload)
    (tmp_path / "in" / "inside.json").write_bytes(payload)
    (tmp_path / "in" / "leads_out.json").symlink_to(tmp_path / "outside.json")
    (tmp_path / "in" / "stays.json").symlink_to("inside.json")
    shown = headwater("load", tmp_path / "in", "--data", tmp_path / "data", "--json")
    tally = json.loads(shown.stdout)
    assert (tally["plans"], tally["known"], shown.returncode) == (1, 1, 1)
    (refused,) = tally["refused"]
    assert refused["place"].endswith("leads_out.json")
    assert "leads out of the folder" in refused["reason"]


def test_keys_of_s3_never_become_paths(tmp_path: Path) -> None:
    target = tmp_path / "data" / "tokens.json"
    target.parent.mkdir()
    target.write_text("kept")
    plan = Path(PIPELINE[0], "002-plan.json").read_bytes()
    event = Path(PIPELINE[0], "003-event.json").read_bytes()
    lines = b"%s\n{}\n" % event.replace(b"\n", b"")
    keys = {f"spool/{target}": plan, "spool/../../x.json": b"{", "spool/..//y/_LINEAGE": plan, "spool/.ndjson": lines}
    with fake_s3.running(FakeS3(keys)) as s3:
        shown = headwater("load", "s3://lake/spool", "--data", tmp_path / "data", "--json", **s3.environment())
    tally = json.loads(shown.stdout)
    assert target.read_text() == "kept"
    assert (tally["plans"], tally["known"], tally["events"]) == (1, 1, 1)
    refused = [one["place"] for one in tally["refused"]]
    assert sorted(refused) == ["s3://lake/spool/../../x.json", "s3://lake/spool/.ndjson:2"]
