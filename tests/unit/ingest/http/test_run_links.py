"""Where else a run can be looked at: addresses of Spark's history server and of the console of AWS Glue."""

from __future__ import annotations

import pytest

from headwater.ingest.http.run_links import checked_history_server, checked_region, run_links


@pytest.mark.parametrize(
    ("history", "region", "expected"),
    [
        (None, None, ["https://console.aws.amazon.com/gluestudio/home#/job/{job}/run/{jobRun}"]),
        (
            "http://history:18080",
            "eu-west-1",
            [
                "http://history:18080/history/{appId}/",
                "https://eu-west-1.console.aws.amazon.com/gluestudio/home?region=eu-west-1#/job/{job}/run/{jobRun}",
            ],
        ),
        (
            None,
            "cn-north-1",
            ["https://cn-north-1.console.amazonaws.cn/gluestudio/home?region=cn-north-1#/job/{job}/run/{jobRun}"],
        ),
    ],
)
def test_a_run_leads_to_other_systems(history: str | None, region: str | None, expected: list[str]) -> None:
    found = run_links(history, region)
    assert [link.url for link in found] == expected
    assert (found[-1].needs, found[-1].begins) == ("jobRun", "jr_")


def test_what_is_no_address_and_no_region_is_refused() -> None:
    assert checked_history_server("https://history.example.com/spark/") == "https://history.example.com/spark"
    assert checked_region("us-gov-west-1") == "us-gov-west-1"
    for given in ("history:18080", "javascript:alert(1)", "http://", "http://a/?b", "http://user@a", "http://a/#b"):
        with pytest.raises(ValueError, match="expected an address"):
            checked_history_server(given)
    for given in ("", "eu", "eu-west-1.evil.com", "EU-WEST-1", "eu-west-1/x"):
        with pytest.raises(ValueError, match="expected a region"):
            checked_region(given)
