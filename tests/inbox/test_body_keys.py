"""A ledger whose bodies are encrypted, each with a key of its own, in S3 with Object Lock (moto's server).

Erasing deletes the key; `verify` still passes; without the keys' place nothing is called damaged.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headwater.aws_bridge.s3 import Prefix
from headwater.aws_bridge.session import Session
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.body_keys import KeysMissing, KeysNotNamed
from headwater.ingest.ledger.entries import Appended, LedgerDamaged, LedgerError, LedgerInUse, NewEntry
from headwater.ingest.ledger.export import check_export, export_ledger
from headwater.ingest.ledger.segment_ledger import SegmentLedger
from headwater.ingest.ledger.segments import ExportedLedger, read_manifest
from headwater.ingest.places.file_storage import LocalFolder, ObjectStorage
from tests.acceptance.door import headwater
from tests.faults.world import elements
from tests.inbox.cloud import REGION, Cloud
from tests.inbox.faulty import Faults, faulty
from tests.inbox.test_chaos import Killed, Life, Mortal
from tests.inbox.test_permissions import made
from tests.inbox.test_segment_ledger import clock, lock, new, quiet, versioned
from tests.inbox.world import files, graph, ingester, replayed

SECRET = "a name that somebody asked to be forgotten"
FIRST = "segments/000000000001.ndjson.gz"


@pytest.fixture
def folder(tmp_path: Path) -> tuple[LocalFolder, LocalFolder]:
    """A ledger and the place of its keys."""
    return LocalFolder(tmp_path / "ledger"), LocalFolder(tmp_path / "keys")


def bodies(ledger: ObjectStorage, keys: ObjectStorage | None) -> list[bytes | None]:
    with ExportedLedger(ledger, keys) as reader:
        return [entry.body for entry in reader.read(0, 1000)]


def locked(aws: Cloud, name: str, mode: str = "COMPLIANCE") -> tuple[Prefix, Prefix]:
    """A ledger in a bucket with Object Lock, and a place for keys in one that keeps versions."""
    place = versioned(aws, name, lock=True)
    lock(aws, name, mode)
    versioned(aws, f"{name}-keys")
    return place, Prefix(Session(REGION), f"s3://{name}-keys/keys", aws.url)


def every_version(aws: Cloud, bucket: str) -> Iterator[bytes]:
    """The content of each version of each object, unpacked."""
    s3 = aws.client("s3")
    for each in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
        content = s3.get_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])["Body"].read()
        yield gzip.decompress(content) if each["Key"].endswith(".gz") else content


def opened_by_hand(content: bytes, keys: dict[str, str]) -> dict[int, bytes]:
    """The bodies of a segment, as `docs/ledger.md` says how: nothing of Headwater's own."""
    found = {}
    for line in content.splitlines():
        entry = json.loads(line)
        key = keys.get(str(entry["sequence"]))
        if "encrypted" in entry and key:
            sealed = base64.b64decode(entry["encrypted"])
            plain = zlib.decompress(AESGCM(bytes.fromhex(key)).decrypt(sealed[:12], sealed[12:], None))
            assert hashlib.sha256(plain).hexdigest() == entry["salted"]
            found[entry["sequence"]] = plain[16:]
    return found


def test_a_body_is_erased_where_object_lock_keeps_it(aws: Cloud, tmp_path: Path) -> None:
    ledger, keys = locked(aws, "shredded")
    with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
        opened.append([new(SECRET), new("1")])
        opened.append([NewEntry("other", "application/json", SECRET.encode()), new("2")])
        before = json.loads(keys.read(keys.names()[0]))["keys"]
        assert opened_by_hand(gzip.decompress(ledger.read(FIRST)), before) == {1: SECRET.encode(), 2: b"1"}
        assert opened.erase(1, "asked for") == 5
        assert [entry.body for entry in opened.read(0, 4)] == [None, b"1", None, b"2"]
        assert opened.append([new(SECRET)]) == [Appended(6, duplicate=False)]  # it is not known any more
        opened.erase(6, "again")
    assert bodies(ledger, keys)[:4] == [None, b"1", None, b"2"]
    report = check_export(ledger, quiet, keys)
    assert (report.entries, report.erased) == (7, 3)
    assert not any(SECRET.encode() in content for content in every_version(aws, "shredded"))
    everywhere = b"".join(every_version(aws, "shredded-keys"))
    assert before["1"].encode() not in everywhere
    assert before["2"].encode() in everywhere  # the other bodies stay
    on_disk = b"".join(file.read_bytes() for file in (tmp_path / "work").rglob("*") if file.is_file())
    assert hashlib.sha256(SECRET.encode()).digest() not in on_disk
    assert not any(key.encode() in on_disk or bytes.fromhex(key) in on_disk for key in before.values())


def test_a_key_under_object_lock_is_refused_from_the_start(aws: Cloud, tmp_path: Path) -> None:
    ledger, _ = locked(aws, "both")
    with pytest.raises(LedgerError, match=r"both/keys/\w+/ledger.json is kept by S3's Object Lock \(compliance\)"):
        SegmentLedger.open(ledger, tmp_path / "work", clock, Prefix(Session(REGION), "s3://both/keys", aws.url))
    assert list(ledger.listed("keys.json")) == []


def test_what_was_written_before_the_keys_stays_locked(aws: Cloud, tmp_path: Path) -> None:
    """Switched on later: old bodies can be read, and erased only as before."""
    ledger, keys = locked(aws, "later")
    with SegmentLedger.open(ledger, tmp_path / "work", clock) as opened:
        opened.append([new(SECRET), new("1")])
    with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
        assert opened.append([new("1"), new("2"), NewEntry("other", "a/b", SECRET.encode())])[1].sequence == 3
        for entry in (1, 4):  # the same bytes: one of both is not encrypted
            with pytest.raises(LedgerError, match=r"Object Lock \(compliance\) until 20"):
                opened.erase(entry, "asked for")
        opened.erase(3, "asked for")
    assert bodies(ledger, keys)[:4] == [SECRET.encode(), b"1", None, SECRET.encode()]
    assert check_export(ledger, quiet, keys).erased == 1


def test_old_and_new_bodies_are_erased_together_where_nothing_is_locked(
    folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    ledger, keys = folder
    with SegmentLedger.open(ledger, tmp_path / "work", clock) as opened:
        opened.append([new(SECRET), new("1")])
    with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
        opened.append([NewEntry("other", "a/b", SECRET.encode())])
        opened.erase(2, "asked for")
        opened.erase(3, "asked for")
    assert bodies(ledger, keys)[:3] == [None, None, None]
    assert check_export(ledger, quiet, keys).erased == 3


@pytest.mark.parametrize("ends_at", range(30))
def test_an_erasure_that_is_cut_off_anywhere_is_finished(
    ends_at: int, folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    ledger, keys = folder
    with SegmentLedger.open(ledger, tmp_path / "before", clock, keys) as opened:
        opened.append([new(SECRET), new("1")])
        opened.append([NewEntry("other", "a/b", SECRET.encode())])
    life = Life(ends_at, begun=False)
    opened = SegmentLedger.open(Mortal(ledger, life), tmp_path / "work", clock, Mortal(keys, life))
    life.begun, asked = True, ledger.names()
    try:
        opened.erase(1, "asked for")
    except Killed:
        pass
    finally:
        opened._closed = True  # a process that is killed closes nothing
        opened._known.close()
        opened._folder_lock.release()
    begun = ledger.names() != asked
    with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as again:
        gone = [entry.body for entry in again.read(0, 3)]
    assert gone == ([None, b"1", None] if begun else [SECRET.encode(), b"1", SECRET.encode()])
    assert check_export(ledger, quiet, keys).erased == (2 if begun else 0)
    assert "erasing.json" not in ledger.names()


@pytest.mark.parametrize("ends_at", range(12))
def test_no_segment_is_ever_without_its_keys(
    ends_at: int, folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    ledger, keys = folder
    life = Life(ends_at)
    with suppress(Killed):
        SegmentLedger.open(Mortal(ledger, life), tmp_path / "work", clock, Mortal(keys, life)).append([new("1")])
    with SegmentLedger.open(ledger, tmp_path / "other", clock, keys) as opened:
        opened.append([new("1"), new("2")])
    assert bodies(ledger, keys) == [b"1", b"2"]
    assert check_export(ledger, quiet, keys).entries == 2


def test_of_two_writers_the_loser_takes_no_key_away(aws: Cloud, tmp_path: Path) -> None:
    ledger, keys = aws.prefix("two/ledger"), aws.prefix("two/keys")
    with (
        SegmentLedger.open(ledger, tmp_path / "a", clock, keys) as first,
        SegmentLedger.open(ledger, tmp_path / "b", clock, keys) as second,
    ):
        first.append([new("1")])
        with pytest.raises(LedgerInUse):
            second.append([new("2")])
    assert bodies(ledger, keys) == [b"1"]


def test_two_ledgers_share_a_place(tmp_path: Path) -> None:
    keys = LocalFolder(tmp_path / "keys")
    for name in ("a", "b"):
        with SegmentLedger.open(LocalFolder(tmp_path / name), tmp_path / f"work {name}", clock, keys) as opened:
            opened.append([new(name)])
            opened.append([new("same")])
            if name == "b":
                opened.erase(2, "asked for")
    assert bodies(LocalFolder(tmp_path / "a"), keys) == [b"a", b"same"]
    assert bodies(LocalFolder(tmp_path / "b"), keys)[:2] == [b"b", None]


def begun(folder: tuple[LocalFolder, LocalFolder], tmp_path: Path) -> Path:
    """A ledger of two entries; the file with their keys."""
    ledger, keys = folder
    with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
        opened.append([new(SECRET), new("1")])
    (file,) = (tmp_path / "keys").rglob("000000000001-*.json")
    return file


def test_without_keys_readers_and_writers_say_what_is_needed(
    folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    begun(folder, tmp_path)
    ledger, keys = folder
    for reads in (lambda: bodies(ledger, None), lambda: check_export(ledger, quiet)):
        with pytest.raises(KeysNotNamed, match=rf"--keys or HEADWATER_KEYS; it was begun with {keys}"):
            reads()
    with pytest.raises(KeysNotNamed, match="are encrypted"):  # else new bodies would be kept in plain text
        SegmentLedger.open(ledger, tmp_path / "work", clock)
    assert read_manifest(ledger).entries == 2  # what is no body needs no key


@pytest.mark.parametrize("where", ["elsewhere", "keys"], ids=["another place", "the place was emptied"])
def test_keys_that_are_not_there_are_named_and_nothing_is_called_damaged(
    where: str, folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    file = begun(folder, tmp_path)
    ledger, _ = folder
    kept = {each: each.read_bytes() for each in file.parent.iterdir()}
    if where == "keys":
        for each in kept:
            each.unlink()
    place = LocalFolder(tmp_path / where)
    for reads in (
        lambda: bodies(ledger, place),
        lambda: check_export(ledger, quiet, place),
        lambda: SegmentLedger.open(ledger, tmp_path / "new", clock, place),
    ):
        with pytest.raises(KeysMissing, match=rf"{place}.*there is no") as told:
            reads()
        assert "damaged" not in str(told.value)
    for each, content in kept.items():
        each.write_bytes(content)
    assert bodies(ledger, folder[1]) == [SECRET.encode(), b"1"]


def test_a_bucket_that_is_gone_is_named(aws: Cloud, tmp_path: Path) -> None:
    ledger, keys = locked(aws, "lost")
    with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
        opened.append([new("1")])
    gone = Prefix(Session(REGION), "s3://never-made/keys", aws.url)
    with pytest.raises(KeysMissing, match=r"cannot be had from s3://never-made/keys: .*NoSuchBucket"):
        bodies(ledger, gone)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda _: "",
        lambda _: "[]",
        lambda _: '{"format": 1, "ledger": "another", "keys": {}}',
        lambda text: text.replace('"format": 1', '"format": 2'),
    ],
    ids=["truncated", "empty", "no keys", "of another ledger", "of a later version"],
)
def test_a_file_of_keys_that_is_not_whole_is_named(
    spoil: Callable[[str], str], folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    file = begun(folder, tmp_path)
    file.write_text(spoil(file.read_text()))
    with pytest.raises(KeysMissing, match=rf"{file.name} in .*keys does not hold the keys"):
        check_export(folder[0], quiet, folder[1])


def altered(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(file.read_text())
    change(content["keys"])
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("key", ["00" * 32, "00" * 5, "no hex", ""])
def test_a_wrong_key_is_a_finding_at_its_entry(
    key: str, folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    file = begun(folder, tmp_path)
    altered(file, lambda keys: keys.update({"2": key}))
    with pytest.raises(LedgerDamaged, match=rf"the body of entry 2 cannot be decrypted with its key in .*{file.name}"):
        check_export(folder[0], quiet, folder[1])


def test_keys_of_two_entries_that_were_swapped_are_found(
    folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    altered(begun(folder, tmp_path), lambda keys: keys.update({"1": keys["2"], "2": keys["1"]}))
    with pytest.raises(LedgerDamaged, match="entry 1 cannot be decrypted"):
        check_export(folder[0], quiet, folder[1])


def test_a_key_that_was_deleted_without_an_erasure_is_found(
    folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    altered(begun(folder, tmp_path), lambda keys: keys.pop("1"))
    with pytest.raises(LedgerDamaged, match="the body of entry 1 is missing, and was never erased"):
        check_export(folder[0], quiet, folder[1])


def test_a_name_of_keys_in_a_segment_is_never_a_path(folder: tuple[LocalFolder, LocalFolder], tmp_path: Path) -> None:
    begun(folder, tmp_path)
    ledger, keys = folder
    text = gzip.decompress(ledger.read(FIRST)).decode()
    name = json.loads(text.splitlines()[0])["keys"]
    ledger.write(FIRST, gzip.compress(text.replace(name, "1-../../outside").encode()))
    with pytest.raises(LedgerDamaged, match="keys: expected the name of a file of keys"):
        check_export(ledger, quiet, keys)


def test_an_export_is_in_plain_text_and_goes_on_with_keys(
    folder: tuple[LocalFolder, LocalFolder], tmp_path: Path
) -> None:
    begun(folder, tmp_path)
    copy = LocalFolder(tmp_path / "copy")
    with ExportedLedger(*folder) as reader:
        export_ledger(reader, copy, quiet)
        head = reader.head()
    assert (bodies(copy, None), check_export(copy, quiet).head) == ([SECRET.encode(), b"1"], head)
    with SegmentLedger.open(copy, tmp_path / "new", clock, LocalFolder(tmp_path / "new keys")) as opened:
        assert [each.sequence for each in opened.append([new("1"), new("2")])] == [2, 3]


def test_an_ingester_on_encrypted_bodies_draws_the_same_graph_and_forgets(aws: Cloud, tmp_path: Path) -> None:
    inbox, (ledger, keys) = aws.prefix("shred/inbox"), locked(aws, "ingested")
    for name, content in files(range(3)):
        inbox.write(name, content)
    with ingester(inbox, ledger, tmp_path / "data", keys=keys) as running:
        running.step()
        whole = graph(running)
    assert whole == replayed(ledger, tmp_path / "replayed", keys)
    with SegmentLedger.open(ledger, tmp_path / "eraser", clock, keys) as opened:
        opened.erase(1, "asked for")
        opened.erase(2, "asked for")
    opened = SegmentLedger.open(ledger, tmp_path / "data" / "ledger", clock, keys)
    with Service.open(tmp_path / "data", follows=True, take_over=True, ledger=opened) as service:
        service.catch_up()  # as the ingester's thread does
        left = elements(service.store)
    assert left != whole
    assert left == replayed(ledger, tmp_path / "replayed again", keys)


def test_commands_read_it_with_the_keys_and_name_what_is_missing_without(aws: Cloud, tmp_path: Path) -> None:
    ledger, keys = locked(aws, "commanded")
    with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
        opened.append([new(SECRET), new("1")])
    where = aws.environment()
    without = headwater("verify", str(ledger), **where)
    assert (without.returncode, without.stderr.count("\n")) == (2, 1), without.stderr
    assert f"--keys or HEADWATER_KEYS; it was begun with {keys}" in without.stderr
    named = {**where, "HEADWATER_KEYS": str(keys)}
    done = headwater("ledger", "erase", str(ledger), "1", "--reason", "asked for", **named)
    assert (done.returncode, done.stdout) == (0, "entry 1 is erased; entry 3 says so\n"), done.stderr
    verified = headwater("verify", str(ledger), "--keys", str(keys), "--anchor", tmp_path / "anchor.json", **where)
    assert (verified.returncode, "3 entries, 1 of them erased" in verified.stdout) == (0, True), verified.stderr
    backup = headwater("backup", tmp_path / "ledger.sqlite", "--ledger", str(ledger), **named)
    assert backup.returncode == 0, backup.stderr
    again = headwater("verify", tmp_path / "ledger.sqlite", "--anchor", tmp_path / "anchor.json")
    assert (again.returncode, SECRET.encode() in (tmp_path / "ledger.sqlite").read_bytes()) == (0, False)


def test_what_is_done_at_the_place_of_the_keys_is_what_the_page_on_permissions_allows(
    aws: Cloud, tmp_path: Path
) -> None:
    versioned(aws, "allowed-keys")
    ledger = aws.prefix("allowed/ledger")

    def calls(work: Callable[[Prefix], object]) -> set[str]:
        with faulty(aws.url, Faults()) as faults:
            work(Prefix(Session(REGION), "s3://allowed-keys/keys", faults.url))
            return {action for action, _ in made(faults.calls)}

    def write(keys: Prefix) -> None:
        with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
            opened.append([new("1")])

    def erase(keys: Prefix) -> None:
        with SegmentLedger.open(ledger, tmp_path / "work", clock, keys) as opened:
            opened.erase(1, "asked for")

    read, put, listed = "s3:GetObject", "s3:PutObject", "s3:ListBucket"
    assert calls(write) == {read, put, listed}
    assert calls(lambda keys: bodies(ledger, keys)) == {read}
    assert calls(erase) == {read, put, listed, "s3:DeleteObjectVersion", "s3:ListBucketVersions"}
