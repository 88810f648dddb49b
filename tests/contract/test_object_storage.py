"""What `places.file_storage.ObjectStorage` promises, in a folder and in S3 (moto's server on loopback)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.ingest.places.file_storage import LocalFolder, ObjectStorage
from tests.inbox.cloud import Cloud, cloud


@pytest.fixture(scope="module")
def aws() -> Iterator[Cloud]:
    with cloud() as running:
        yield running


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, aws: Cloud) -> ObjectStorage:
    if request.param == "folder":
        return LocalFolder(tmp_path / "place")
    return aws.prefix(tmp_path.name)


def test_what_is_written_is_read_and_replaced(storage: ObjectStorage) -> None:
    storage.write("a/b.json", b"1")
    assert storage.read("a/b.json") == b"1"
    storage.write("a/b.json", b"2")
    assert (storage.read("a/b.json"), storage.names()) == (b"2", ["a/b.json"])


def test_what_is_written_once_is_not_replaced(storage: ObjectStorage) -> None:
    storage.write("once", b"1", once=True)
    with pytest.raises(FileExistsError):
        storage.write("once", b"2", once=True)
    assert storage.read("once") == b"1"


def test_of_many_who_write_once_one_succeeds(storage: ObjectStorage) -> None:
    won: list[int] = []

    def write(number: int) -> None:
        try:
            storage.write("race", b"%d" % number, once=True)
        except FileExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [storage.read("race")] == [b"%d" % number for number in won]


def test_names_from_one_on(storage: ObjectStorage) -> None:
    for name in ("a/1", "a/2", "a/3", "b/1"):
        storage.write(name, b"")
    assert list(storage.listed()) == ["a/1", "a/2", "a/3", "b/1"]
    assert list(storage.listed("a/", "a/1")) == ["a/2", "a/3"]
    assert list(storage.listed("c")) == []


def test_what_is_removed_is_gone(storage: ObjectStorage) -> None:
    storage.write("x", b"")
    storage.remove("x")
    storage.remove("x")
    assert storage.names() == []
    with pytest.raises(FileNotFoundError):
        storage.read("x")
