"""A ledger in portable files: what was written is read back, and whatever was changed in it is found."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.ingest.ledger import segments
from headwater.ingest.ledger.chain import ChainCheck
from headwater.ingest.ledger.entries import Entry
from headwater.ingest.ledger.export import check_export, export_ledger
from headwater.ingest.ledger.ledger import Ledger, LedgerDamaged, LedgerError, NewEntry, open_ledger, open_reader
from headwater.ingest.ledger.segments import MANIFEST, read_checked, read_manifest
from headwater.ingest.places.file_names import UnsafeName
from headwater.ingest.places.file_storage import LocalFolder, NotEmpty

Lines = list[dict[str, Any]]
NO_TEXT = b"\xff\x00"


def quiet(_done: int, _of: int) -> None:
    pass


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "data", clock=lambda: 7) as opened:
        opened.append([NewEntry("spline.plan", "application/json", b'{"n": %d}' % n, "me") for n in range(5)])
        opened.append([NewEntry("other", "x", NO_TEXT, redactions=("a: \u00e4",)), NewEntry("other", "y", NO_TEXT)])
        yield opened


@pytest.fixture
def out(ledger: Ledger, tmp_path: Path) -> Path:
    """An export in several segments."""
    export_ledger(ledger, LocalFolder(tmp_path / "out"), quiet, split=500)
    return tmp_path / "out"


def entries(folder: Path) -> list[Entry]:
    place = LocalFolder(folder)
    return [entry for s in read_manifest(place).segments for entry in read_checked(place, s, ChainCheck(s.before))]


def test_what_was_written_is_read_back(ledger: Ledger, out: Path) -> None:
    assert entries(out) == ledger.read(0, 100)
    assert len(read_manifest(LocalFolder(out)).segments) > 1
    told: list[tuple[int, int]] = []
    found = check_export(LocalFolder(out), lambda *step: told.append(step))
    assert (found.entries, found.erased, found.head) == (7, 0, ledger.head())
    assert told[-1] == (7, 7)


def test_an_empty_ledger(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data", clock=lambda: 7) as ledger:
        export_ledger(ledger, LocalFolder(tmp_path / "out"), quiet)
        assert check_export(LocalFolder(tmp_path / "out"), quiet).head == ledger.head()


def test_an_erased_body_is_not_there_and_the_entry_that_says_so_is(ledger: Ledger, tmp_path: Path) -> None:
    ledger.erase(6, "asked for")
    export_ledger(ledger, LocalFolder(tmp_path / "out"), quiet)
    assert entries(tmp_path / "out") == ledger.read(0, 100)
    assert check_export(LocalFolder(tmp_path / "out"), quiet).erased == 2  # entries 6 and 7 share it


def test_a_place_with_something_in_it_is_refused(ledger: Ledger, out: Path) -> None:
    with pytest.raises(NotEmpty):
        export_ledger(ledger, LocalFolder(out), quiet)


def test_an_export_that_did_not_end_has_no_manifest(out: Path) -> None:
    (out / MANIFEST).unlink()
    with pytest.raises(LedgerError, match="the export did not end"):
        check_export(LocalFolder(out), quiet)


def _altered(lines: Lines) -> None:
    lines[1]["sender"] = "you"


def _other_body(lines: Lines) -> None:
    lines[1]["body"] = "{}"


def _dropped(lines: Lines) -> None:
    del lines[1]


def _cut(lines: Lines) -> None:
    lines.pop()


def _moved(lines: Lines) -> None:
    lines[0], lines[1] = lines[1], lines[0]


def _no_entry(lines: Lines) -> None:
    lines[1] = {}


def _without_body(lines: Lines) -> None:
    del lines[1]["body"], lines[1]["salt"]


def _wrong_type(lines: Lines) -> None:
    lines[1]["received_ms"] = "7"


#: what is done to the lines of the first segment -> what is said
TAMPERED = {
    "altered": (_altered, "entry 2 was altered: its hash does not follow"),
    "another body": (_other_body, "the body of entry 2 was altered"),
    "dropped": (_dropped, "ends after entry 1; entry 2 should be its last"),
    "cut off": (_cut, "ends after entry 1; entry 2 should be its last"),
    "moved": (_moved, "entry 1 was dropped: entry 2 stands in its place"),
    "no entry": (_no_entry, "entry 2: its line cannot be read"),
    "a wrong type": (_wrong_type, "entry 2 was altered: its hash does not follow"),
    "a body taken away": (_without_body, "the body of entry 2 is missing, and was never erased"),
}


@pytest.mark.parametrize(("tamper", "said"), TAMPERED.values(), ids=TAMPERED)
def test_a_changed_segment_is_found_and_named(tamper: Callable[[Lines], None], said: str, out: Path) -> None:
    (name, *_) = (segment.name for segment in read_manifest(LocalFolder(out)).segments)
    lines = [json.loads(line) for line in gzip.decompress((out / name).read_bytes()).splitlines()]
    tamper(lines)
    packed = gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode())
    (out / name).write_bytes(packed)
    _in_manifest(out, lambda found: found["segments"][0].update(sha256=hashlib.sha256(packed).hexdigest()))
    with pytest.raises(LedgerDamaged) as found:
        check_export(LocalFolder(out), quiet)
    assert said in str(found.value)
    assert name in str(found.value)


def _in_manifest(out: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((out / MANIFEST).read_text())
    change(manifest)
    (out / MANIFEST).write_text(json.dumps(manifest))


def test_other_bytes_of_the_same_entries_are_found(out: Path) -> None:
    name = read_manifest(LocalFolder(out)).segments[0].name
    (out / name).write_bytes(gzip.compress(gzip.decompress((out / name).read_bytes()), 1))
    with pytest.raises(LedgerDamaged, match=f"segment {name}: its SHA-256 is not the one in the manifest"):
        check_export(LocalFolder(out), quiet)


def test_a_segment_that_is_missing_is_named(out: Path) -> None:
    name = read_manifest(LocalFolder(out)).segments[1].name
    (out / name).unlink()
    with pytest.raises(LedgerDamaged, match=f"segment {name} is missing"):
        check_export(LocalFolder(out), quiet)


def test_damaged_bytes_are_found(out: Path) -> None:
    name = read_manifest(LocalFolder(out)).segments[0].name
    packed = (out / name).read_bytes()
    (out / name).write_bytes(packed[: len(packed) // 2])
    with pytest.raises(LedgerDamaged, match=f"segment {name} is damaged after entry"):
        check_export(LocalFolder(out), quiet)


#: what is done to the manifest -> what is said
MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a segment is missing": (lambda found: found["segments"].pop(1), "does not follow entry"),
    "the last one is missing": (lambda found: found["segments"].pop(), "the last segments are missing"),
    "another ledger": (lambda found: found.update(ledger="0" * 32), "does not follow entry 0"),
    "a later format": (lambda found: found.update(format=2), "format 2 is not known"),
    "no manifest": (lambda found: found.clear(), "is no manifest"),
    "another end": (lambda found: found["segments"][0].update(hash="00"), "does not follow entry"),
}


@pytest.mark.parametrize(("change", "said"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_changed_manifest_is_found(change: Callable[[dict[str, Any]], Any], said: str, out: Path) -> None:
    _in_manifest(out, change)
    with pytest.raises(LedgerDamaged, match=said):
        check_export(LocalFolder(out), quiet)


def test_a_damaged_ledger_is_not_exported(ledger: Ledger, tmp_path: Path) -> None:
    ledger.close()
    import sqlite3

    with sqlite3.connect(tmp_path / "data" / "ledger.sqlite") as connection:
        connection.execute("DROP TRIGGER entries_refuse_update")
        connection.execute("UPDATE entries SET sender = 'you' WHERE sequence = 3")
    connection.close()
    with (
        open_reader(tmp_path / "data") as damaged,
        pytest.raises(LedgerDamaged, match=r"^entry 3 was altered"),
    ):
        export_ledger(damaged, LocalFolder(tmp_path / "out"), quiet)
    assert not (tmp_path / "out" / MANIFEST).exists()


#: names of segments that a manifest from somebody else may hold
OUTSIDE = ["/etc/hostname", "../secret.gz", "segments/../../secret.gz", "segments//etc/x", "a\0b", "", "link.gz"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_manifest_names_no_file_outside_its_folder(name: str, out: Path) -> None:
    secret = out.with_name("secret.gz")
    segment = read_manifest(LocalFolder(out)).segments[0].name
    secret.write_bytes((out / segment).read_bytes())  # whole and right, but not part of the export
    (out / "link.gz").symlink_to(secret)
    text = (out / MANIFEST).read_text().replace(json.dumps(segment), json.dumps(name))
    (out / MANIFEST).write_text(text)
    with pytest.raises(LedgerDamaged, match=r"no name of a file in a folder|leads out of"):
        check_export(LocalFolder(out), quiet)


def test_a_line_without_end_and_a_manifest_without_end_are_not_read_into_memory(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = out / read_manifest(LocalFolder(out)).segments[0].name
    with gzip.open(segment, "wb") as file:
        for _ in range(300):
            file.write(b" " * 2**20)
    monkeypatch.setattr(segments, "_LONGEST_LINE", 2**20)
    tracemalloc.start()
    try:
        with pytest.raises(LedgerDamaged, match=r"entry 1: its line has no end"):
            check_export(LocalFolder(out), quiet)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20  # a third of the line
    monkeypatch.setattr(segments, "_LARGEST_MANIFEST", 100)
    with pytest.raises(LedgerDamaged, match="more than 100 bytes"):
        check_export(LocalFolder(out), quiet)


@pytest.mark.parametrize("place", ["manifest", "segment"])
def test_json_that_is_nested_without_end_is_damage(place: str, out: Path) -> None:
    deep = b"[" * 200_000
    if place == "manifest":
        (out / MANIFEST).write_bytes(deep)
    else:
        with gzip.open(out / read_manifest(LocalFolder(out)).segments[0].name, "wb") as file:
            file.write(deep)
    with pytest.raises(LedgerDamaged):
        check_export(LocalFolder(out), quiet)


def test_a_folder_takes_and_gives_files_by_plain_names_alone(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path / "in")
    draft = tmp_path / "draft"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "out").symlink_to(tmp_path)
    for name in (str(tmp_path / "x"), "../x", "a//x", "./x", "x/", "out/x"):
        draft.write_text("1")
        with pytest.raises(UnsafeName):
            folder.put(name, draft)
        with pytest.raises(UnsafeName):
            folder.open(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["draft", "in"]
    folder.put("a/..x", draft)
    with folder.open("a/..x") as file:
        assert file.read() == b"1"


def test_a_pipe_in_a_folder_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(UnsafeName, match="no regular file"):
        LocalFolder(tmp_path).open(MANIFEST)
