"""The ledger in S3 (moto's server on loopback): two writers, lost answers, the index, erasing, Object Lock."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from headwater.aws_bridge.s3 import Prefix
from headwater.aws_bridge.session import AwsError, Session
from headwater.ingest.ledger import segment_ledger
from headwater.ingest.ledger.entries import (
    ERASURE,
    Appended,
    LedgerDamaged,
    LedgerError,
    LedgerInUse,
    LedgerUnavailable,
    NewEntry,
)
from headwater.ingest.ledger.export import check_export, export_ledger
from headwater.ingest.ledger.known_bodies import FILE as KNOWN
from headwater.ingest.ledger.ledger import open_ledger
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.ledger.segments import ExportedLedger, read_manifest
from headwater.ingest.places.file_storage import LocalFolder
from tests.acceptance.door import headwater
from tests.inbox.cloud import BUCKET, REGION, Cloud
from tests.inbox.faulty import Faults, faulty


def clock() -> int:
    return 1_700_000_000_000


def quiet(_done: int, _of: int) -> None:
    """A progress that nobody looks at."""


def new(body: str) -> NewEntry:
    return NewEntry("spline.plan", "application/json", body.encode())


@pytest.fixture
def place(aws: Cloud, tmp_path: Path) -> Prefix:
    return aws.prefix(f"{tmp_path.name}/ledger")


@pytest.fixture
def opened(place: Prefix, tmp_path: Path) -> Callable[[str], SegmentLedger]:
    return lambda work: SegmentLedger.open(place, tmp_path / work, clock)


def bodies(place: Prefix) -> list[bytes | None]:
    with ExportedLedger(place) as ledger:
        return [entry.body for entry in ledger.read(0, 1000)]


def test_of_two_writers_one_loses_and_stops(opened: Callable[[str], SegmentLedger], place: Prefix) -> None:
    with opened("a") as first, opened("b") as second:
        assert first.id == second.id
        first.append([new("1")])
        with pytest.raises(LedgerInUse, match="another process writes"):
            second.append([new("2")])
        with pytest.raises(LedgerInUse):
            second.append([new("2")])
        with pytest.raises(LedgerInUse):
            second.refuse_if_another_wrote()
        first.refuse_if_another_wrote()
        assert first.append([new("3")]) == [Appended(2, duplicate=False)]
    assert bodies(place) == [b"1", b"3"]
    with opened("b") as again:  # it starts again, and goes on behind the other one
        assert again.append([new("2"), new("1")]) == [Appended(3, duplicate=False), Appended(1, duplicate=True)]
    assert check_export(place, quiet).entries == 3


@pytest.mark.parametrize(
    "script",
    [["refuse"] * 3, ["lose"] * 3, ["lose", "pass"], ["refuse", "lose", "pass"]],
    ids=["nothing was done", "done, and nobody knows", "done, and tried again", "refused, then done twice"],
)
def test_what_nobody_knows_is_kept_once(script: list[str], aws: Cloud, place: Prefix, tmp_path: Path) -> None:
    """An answer that is lost: sent again, the entry is there once, and the chain is whole."""
    with faulty(aws.url, Faults()) as faults:
        through = Prefix(Session(REGION), str(place), faults.url)
        with SegmentLedger.open(through, tmp_path / "work", clock) as ledger:
            ledger.append([new("0")])
            faults.script = list(script)
            for _ in range(3):
                try:
                    done = ledger.append([new("1"), new("2")])
                    break
                except LedgerUnavailable:
                    continue
            assert [each.sequence for each in done] == [2, 3]
            ledger.append([new("3")])
    assert bodies(place) == [b"0", b"1", b"2", b"3"]
    assert check_export(place, quiet).entries == 4


def test_a_small_object_costs_one_round_trip(aws: Cloud) -> None:
    """botocore asks before each body whether it may come; that is worth its time only where the body is large."""
    with faulty(aws.url, Faults()) as faults:
        place = Prefix(Session(REGION), f"s3://{BUCKET}/asked", faults.url)
        place.write("small", b"{}")
        place.write("large", bytes(2**20 + 1))
        assert [path.rpartition("/")[2] for path in faults.asked] == ["large"]
        assert (place.read("small"), len(place.read("large"))) == (b"{}", 2**20 + 1)


def test_a_new_machine_goes_on(opened: Callable[[str], SegmentLedger], place: Prefix) -> None:
    with opened("a") as first:
        first.append([new("1"), NewEntry("statement", "application/json", b"{}")])
        first.append([new("2")])
    with opened("other machine") as second:
        assert second.append([new("2"), new("3")]) == [Appended(3, duplicate=True), Appended(4, duplicate=False)]
        assert [entry.sequence for entry in second.of_kind("statement")] == [2]
    with opened("a") as first:  # what it knows is behind
        assert first.append([new("3")]) == [Appended(4, duplicate=True)]


def test_the_index_is_written_and_saves_reading(
    opened: Callable[[str], SegmentLedger], place: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_ledger, "INDEXED", 3)
    with opened("a") as ledger:
        for number in range(8):
            ledger.append([new(str(number))])
    assert list(place.listed("index/")) == ["index/000000000001.json", "index/000000000004.json"]
    whole = read_manifest(place)
    assert [segment.first for segment in whole.segments] == list(range(1, 9))
    for name in place.listed("index/"):
        place.remove(name)
    assert read_manifest(place) == whole  # without it, all is looked into
    place.remove("segments/000000000003.ndjson.gz")
    with pytest.raises(LedgerDamaged, match="does not follow entry 2"):
        read_manifest(place)


class Counted(LocalFolder):
    """A folder that notes what is read, all of which is opened first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads: Counter[str] = Counter()

    def open(self, name: str) -> BinaryIO:
        self.reads[name] += 1
        return super().open(name)


def test_an_opening_reads_each_file_of_the_index_once_and_segments_behind_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ledger of a million entries has thousands of these files, and some tens of milliseconds pass for each."""
    monkeypatch.setattr(segment_ledger, "INDEXED", 3)
    place = Counted(tmp_path / "ledger")
    with SegmentLedger.open(place, tmp_path / "work", clock) as ledger:
        for number in range(13):
            ledger.append([new(str(number))])
    (tmp_path / "new").mkdir()
    shutil.copy(tmp_path / "work" / KNOWN, tmp_path / "new" / KNOWN)  # as a snapshot brings it
    place.reads.clear()
    SegmentLedger.open(place, tmp_path / "new", clock).close()
    of_index = {name: count for name, count in place.reads.items() if name.startswith("index/")}
    assert (len(of_index), set(of_index.values())) == (4, {1})
    assert {name for name in place.reads if name.startswith("segments/")} == {"segments/000000000013.ndjson.gz"}


def test_an_export_goes_on_as_a_ledger_in_s3(place: Prefix, tmp_path: Path) -> None:
    """The way from a data folder into S3: export, then ingest there."""
    with open_ledger(tmp_path / "data", clock=clock) as first:
        first.append([new("1"), new("2")])
        export_ledger(first, place, quiet)
        head = first.head()
    with SegmentLedger.open(place, tmp_path / "work", clock) as ledger:
        assert (ledger.id, ledger.head()) == (first.id, head)
        assert ledger.append([new("2"), new("3")]) == [Appended(2, duplicate=True), Appended(3, duplicate=False)]
    assert bodies(place) == [b"1", b"2", b"3"]


def test_an_altered_segment_is_found(opened: Callable[[str], SegmentLedger], place: Prefix) -> None:
    with opened("a") as ledger:
        ledger.append([new("1")])
        ledger.append([new("2")])
    content = place.read("segments/000000000001.ndjson.gz")
    place.write("segments/000000000001.ndjson.gz", content[:-9] + b"x" + content[-8:])
    with pytest.raises(LedgerDamaged):
        check_export(place, quiet)


def versioned(aws: Cloud, name: str, *, lock: bool = False) -> Prefix:
    s3 = aws.client("s3")
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=lock
    )
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Prefix(Session(REGION), f"s3://{name}/ledger", aws.url)


def lock(aws: Cloud, name: str, mode: str) -> None:
    rule = {"DefaultRetention": {"Mode": mode, "Days": 30}}
    aws.client("s3").put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def test_erased_bytes_are_in_no_version_of_any_object(aws: Cloud, tmp_path: Path) -> None:
    place = versioned(aws, "versions")
    with SegmentLedger.open(place, tmp_path / "work", clock) as ledger:
        ledger.append([new("secret"), new("1")])
        ledger.append([NewEntry("other", "application/json", b"secret")])
        assert ledger.erase(1, "asked for", sender="ann") == 4
        assert [entry.body for entry in ledger.read(0, 3)] == [None, b"1", None]
        assert [entry.sender for entry in ledger.of_kind(ERASURE)] == ["ann"]
        assert ledger.append([new("secret")]) == [Appended(5, duplicate=False)]
    report = check_export(place, quiet)
    assert (report.entries, report.erased) == (5, 2)
    found = aws.client("s3").list_object_versions(Bucket="versions", Prefix="ledger/segments/")["Versions"]
    assert [each["Key"][-19:] for each in found if not each["IsLatest"]] == []


def test_an_erasure_that_was_cut_off_is_finished(opened: Callable[[str], SegmentLedger], place: Prefix) -> None:
    with opened("a") as ledger:
        ledger.append([new("secret"), new("1")])
        salted = ledger._salted(1).hex()
    notice = {"sequence": 1, "sequences": [1], "reason": "asked for", "saltedSha256": salted}
    place.write("erasing.json", json.dumps({"notice": notice, "bypass": False, "sender": "ann"}).encode())
    with opened("a") as ledger:
        assert [entry.body for entry in ledger.read(0, 2)] == [None, b"1"]
        assert [entry.sender for entry in ledger.of_kind(ERASURE)] == ["ann"]
        assert ledger.head().sequence == 3
    assert (check_export(place, quiet).erased, list(place.listed("erasing"))) == (1, [])


def test_of_two_who_erase_at_once_one_is_told_to_wait(opened: Callable[[str], SegmentLedger], place: Prefix) -> None:
    """The second one opened the ledger before the first one began, and comes at any moment of its work."""
    with opened("a") as ledger:
        ledger.append([new("first"), new("second"), new("third")])
    with opened("a") as one, opened("b") as other, opened("c") as late:
        place.write("erasing.json", b"{}")
        with pytest.raises(LedgerInUse, match="another payload is being erased"):
            other.erase(2, "asked for")
        place.remove("erasing.json")
        assert one.erase(1, "asked for") == 4
        with pytest.raises(LedgerInUse, match="another process writes"):
            late.erase(2, "asked for")
        assert list(place.listed("erasing")) == []  # nothing is left to be done for the one that was refused
    with opened("c") as late:
        assert late.erase(2, "asked for") == 5
        assert [entry.body for entry in late.read(0, 3)] == [None, None, b"third"]
    assert check_export(place, quiet).erased == 2


def test_who_was_overtaken_brings_nothing_back(
    opened: Callable[[str], SegmentLedger], place: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process finishes this erasure and does one of its own, just before this one writes the segment anew."""
    with opened("a") as ledger:
        ledger.append([new("first"), new("second")])
    told: list[int] = []
    packed = segment_ledger._packed

    def overtaken(text: bytes) -> bytes:
        if b'"kind":"erasure"' not in text and not told:
            told.append(0)
            with opened("b") as other:
                told.append(other.erase(2, "asked for"))
        return packed(text)

    with opened("a") as ledger:
        monkeypatch.setattr(segment_ledger, "_packed", overtaken)
        assert ledger.erase(1, "asked for") == 3
    assert told == [0, 4]
    assert bodies(place)[:2] == [None, None]
    assert (check_export(place, quiet).erased, list(place.listed("erasing"))) == (2, [])


def test_the_machine_that_ingests_keeps_no_copy_of_what_was_erased_elsewhere(
    opened: Callable[[str], SegmentLedger], tmp_path: Path
) -> None:
    with opened("a") as ledger:
        ledger.append([new("secret"), new("1")])
    with opened("elsewhere") as ledger:
        ledger.erase(1, "asked for")
    with opened("a") as ledger:
        assert [entry.body for entry in ledger.read(0, 2)] == [None, b"1"]
    copies = [gzip.decompress(path.read_bytes()) for path in (tmp_path / "a" / "cache").iterdir()]
    assert copies
    assert not any(b"secret" in copy for copy in copies)


@pytest.mark.parametrize("learnt", [True, False])
def test_a_damaged_copy_of_a_segment_is_fetched_anew(
    learnt: bool, opened: Callable[[str], SegmentLedger], tmp_path: Path
) -> None:
    with opened("a") as ledger:
        ledger.append([new("1"), new("2")])
    (copy,) = (tmp_path / "a" / "cache").iterdir()
    copy.write_bytes(copy.read_bytes()[:-9] + b"\0" * 9)
    if not learnt:
        (tmp_path / "a" / KNOWN).unlink()
    with opened("a") as ledger:
        assert [entry.body for entry in ledger.read(0, 2)] == [b"1", b"2"]


def test_what_object_lock_keeps_is_not_erased_before_its_end(aws: Cloud, tmp_path: Path) -> None:
    place = versioned(aws, "locked", lock=True)
    lock(aws, "locked", "GOVERNANCE")
    with SegmentLedger.open(place, tmp_path / "work", clock) as ledger:
        ledger.append([new("secret")])
        with pytest.raises(LedgerError, match=r"Object Lock \(governance\) until 20"):
            ledger.erase(1, "asked for")
        assert (ledger.head().sequence, list(place.listed("erasing"))) == (1, [])
        with pytest.raises(AwsError):  # S3 itself keeps it
            aws_delete(aws, place)
        ledger.erase(1, "asked for", bypass=True)
    assert check_export(place, quiet).erased == 1


def test_nobody_erases_what_is_kept_in_compliance_mode(aws: Cloud, tmp_path: Path) -> None:
    place = versioned(aws, "compliance", lock=True)
    lock(aws, "compliance", "COMPLIANCE")
    with SegmentLedger.open(place, tmp_path / "work", clock) as ledger:
        ledger.append([new("secret")])
        with pytest.raises(LedgerError, match=r"Object Lock \(compliance\) until 20"):
            ledger.erase(1, "asked for", bypass=True)
        assert ledger.append([new("1")]) == [Appended(2, duplicate=False)]


def aws_delete(aws: Cloud, place: Prefix) -> None:
    name = "segments/000000000001.ndjson.gz"
    place.write(name, b"other")
    try:
        place.remove_older(name)
    finally:
        latest = aws.client("s3").list_object_versions(Bucket="locked", Prefix=f"ledger/{name}")["Versions"]
        newest = next(each["VersionId"] for each in latest if each["IsLatest"])
        aws.client("s3").delete_object(
            Bucket="locked", Key=f"ledger/{name}", VersionId=newest, BypassGovernanceRetention=True
        )


def test_commands_read_a_ledger_in_s3_as_it_is(
    aws: Cloud, opened: Callable[[str], SegmentLedger], tmp_path: Path, place: Prefix
) -> None:
    with opened("a") as ledger:
        ledger.append([new("1")])
        ledger.append([new("2")])
        head = ledger.head().hash
    where, url = aws.environment(), str(place)
    checked = headwater("ledger", "check", url, "--json", **where)
    assert (checked.returncode, json.loads(checked.stdout)["head"]) == (0, head), checked.stderr
    verified = headwater("verify", url, "--anchor", tmp_path / "anchor.json", "--json", **where)
    assert (verified.returncode, json.loads(verified.stdout)["head"]) == (0, head), verified.stderr
    assert json.loads((tmp_path / "anchor.json").read_text())["sequence"] == 2
    copied = headwater("ledger", "export", tmp_path / "copy", "--ledger", url, "--json", **where)
    assert (copied.returncode, json.loads(copied.stdout)["head"]) == (0, head), copied.stderr
    assert check_export(LocalFolder(tmp_path / "copy"), quiet).head.hash == head
    backup = headwater("backup", tmp_path / "ledger.sqlite", "--ledger", url, **where)
    assert backup.returncode == 0, backup.stderr
    again = headwater("verify", tmp_path / "ledger.sqlite", "--anchor", tmp_path / "anchor.json", "--json")
    assert json.loads(again.stdout)["head"] == head
