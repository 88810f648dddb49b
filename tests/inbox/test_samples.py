"""The commands of docs/inbox.md, run as they stand there, against S3 as moto's server has it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.acceptance.door import ROOT, headwater_in
from tests.inbox.cloud import BUCKET, Cloud
from tests.inbox.world import files

PAGE = (ROOT / "docs" / "inbox.md").read_text(encoding="utf-8").replace("\\\n", " ")


def sample(begin: str) -> list[str]:
    """The first command of the page that begins so, in a block or in the text, as words after `headwater`."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0] for block in blocks for line in block.splitlines()]
    lines += [each.replace("\n", " ") for each in re.findall(r"`(headwater [^`]+)`", rest)]
    found = next(line for line in lines if line.startswith(f"headwater {begin} "))
    return shlex.split(found.replace("BUCKET", BUCKET))[1:]


def test_the_way_from_a_folder_to_s3_and_back(aws: Cloud, tmp_path: Path) -> None:
    """What the page says of reading an inbox, of moving to S3, and of leaving it."""
    inbox = aws.prefix("inbox")
    for name, content in files(range(1, 4)):
        inbox.write(name, content)
    where = {**aws.environment(), "HEADWATER_DATA": str(tmp_path / "data")}

    def done(*words: str) -> str:
        ran = headwater_in(tmp_path, *words, **where)
        assert (ran.returncode, words) == (0, words), ran.stderr
        return ran.stdout

    assert done(*sample("load")).startswith("3 plans and 3 events loaded")
    assert done(*sample("load")).startswith("0 plans and 0 events loaded; 6 already known")
    done(*sample("ledger export"))
    (ingest, store) = re.match(r"(.*?) --store \S+(.*)", shlex.join(sample("ingest"))).groups()  # type: ignore[union-attr]
    where |= {
        "HEADWATER_DATA": str(tmp_path / "ingester")
    }  # its own folder, and its embedded graph in the place of Neptune
    assert "0 new entries, 6 already known" in done(*shlex.split(ingest), *shlex.split(store), "--once")
    assert list(inbox.listed()) == []
    done(*sample("backup"))
    assert "6 entries" in done("verify", "ledger.sqlite")
