"""What a ``neptune://`` URL means, and what is said about a wrong one."""

from __future__ import annotations

import pytest

from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.neptune.url import Settings, settings

GOOD = [
    ("neptune://c.example", Settings("c.example:8182", "c.example:8182")),
    ("neptune://c.example:8182/", Settings("c.example:8182", "c.example:8182")),
    ("neptune://c.example:9?region=eu-west-1", Settings("c.example:9", "c.example:9", "eu-west-1")),
    ("neptune://c?reader=c-ro", Settings("c:8182", "c-ro:8182")),
    ("neptune://c:1?reader=c-ro:2&iam=false", Settings("c:1", "c-ro:2", iam=False)),
    ("neptune://[::1]:8182?iam=true", Settings("[::1]:8182", "[::1]:8182")),
    ("neptune://C.Example?ca=/a%20b.pem", Settings("c.example:8182", "c.example:8182", ca="/a b.pem")),
    ("neptune://c?writers=1&timeout=9&idle=60&life=120", Settings("c:8182", "c:8182", None, True, None, 1, 9, 60, 120)),
]


@pytest.mark.parametrize(("url", "expected"), GOOD)
def test_a_url_is_settings(url: str, expected: Settings) -> None:
    assert settings(url) == expected


BAD = [
    ("neptune://", "the cluster has no host"),
    ("neptune:c", "the cluster has no host"),
    ("neptune://c:0x", "the port of the cluster"),
    ("neptune://c:99999", "the port of the cluster"),
    ("neptune://c?reader=d:zz", "the port of reader"),
    ("neptune://c?reader=", "reader is empty"),
    ("neptune://me:secret@c", "no user and no password"),
    ("neptune://c/gremlin", "not '/gremlin'"),
    ("neptune://c?regoin=eu-west-1", "no parameter 'regoin'; known are region, reader, iam"),
    ("neptune://c?region=a&region=b", "region is given twice"),
    ("neptune://c?iam=no", "iam is 'no', expected true or false"),
    ("neptune://c?writers=0", "writers is '0', expected a whole number from 1 to 32"),
    ("neptune://c?idle=1201", "idle is '1201', expected a whole number from 1 to 1200"),
    ("neptune://c?timeout=-1", "timeout is '-1'"),
    ("neptune://c?timeout=²", "timeout is '²'"),
]


@pytest.mark.parametrize(("url", "words"), BAD)
def test_a_wrong_url_is_refused_with_the_part_that_is_wrong(url: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        settings(url)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)
