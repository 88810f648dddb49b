"""What may be set for the agent in Python, which of three places counts, and what is said about bad values."""

from __future__ import annotations

import pytest

from headwater.spark.identity import identity
from headwater.spark.settings import Options, Setting, resolve, settings
from headwater.spline_bridge.glue.attach import PYTHON_TOKEN, PYTHON_URL

URL = "http://127.0.0.1:9090"


def test_an_argument_wins_over_spark_and_spark_over_the_environment() -> None:
    conf = {"spark.headwater.url": "http://conf:1", "spark.headwater.maxPlanMb": "2"}
    environment = {"HEADWATER_URL": "http://env:1", "HEADWATER_MAX_PLAN_MB": "3", "HEADWATER_QUEUE": "7"}
    options, problems = resolve({"url": URL, "spool": None}, conf, environment)
    assert (options.url, options.max_plan_mb, options.queue, options.spool, problems) == (URL, 2.0, 7, "", ())


GOOD = {"url": URL, "oauth_url": URL, "api_version": "1.1", "api_key_header": "X-Key", "enabled": "no"}


@pytest.mark.parametrize("row", settings(), ids=lambda row: row.name)
def test_every_setting_is_taken_from_each_of_the_three_places(row: Setting) -> None:
    value = GOOD.get(row.name, "7")
    places = (
        resolve({row.name: value}, {}, {}),
        resolve({}, {row.conf: value}, {}),
        resolve({}, {}, {row.variable: value}),
    )
    for options, _ in places:
        assert getattr(options, row.name) == row.parse(value) != row.default


BAD = [
    # setting, value, what is said
    ("url", "lake:9090", "url is not a URL like"),
    ("url", "http://user:hush@lake:9090", "url is not a URL like"),
    ("url", "http://lake:9090/?token=hush", "url is not a URL like"),
    ("url", "http://[lake", "url is not a URL like"),
    ("enabled", "perhaps", "enabled is not true or false"),
    ("timeout_seconds", "soon", "timeout_seconds is not a number from 0.1 to 600"),
    ("timeout_seconds", "nan", "timeout_seconds is not a number from 0.1 to 600"),
    ("flush_seconds", "-1", "flush_seconds is not a number from 0 to 600"),
    ("attempts", "0", "attempts is not a whole number from 1 to 20"),
    ("attempts", "2.5", "attempts is not a whole number from 1 to 20"),
    ("spool", "gs://bucket/x", "spool is not a folder or s3://BUCKET/PREFIX"),
    ("spool", "s3://", "spool is not a folder or s3://BUCKET/PREFIX"),
    ("api_version", "2", "api_version is not 1.1 or 1.2"),
    ("api_key_header", "X Key", "api_key_header is not the name of an HTTP header"),
    ("token", "hush\r\nX-Evil: 1", "token is not a text without line breaks"),
    ("retries", "3", "there is no setting retries"),
]


@pytest.mark.parametrize(("name", "value", "said"), BAD)
def test_a_bad_value_is_named_is_not_repeated_and_keeps_its_default(name: str, value: str, said: str) -> None:
    options, (problem,) = resolve({name: value}, {}, {})
    assert problem.said.startswith(said)
    assert "hush" not in problem.said
    assert options == Options()


def test_only_what_decides_where_and_how_to_send_stops_the_capture() -> None:
    fatal = {name for name, value, _ in BAD if resolve({name: value}, {}, {})[1][0].fatal}
    assert fatal == {"url", "enabled", "token", "api_key_header"}


def test_ways_in_that_fill_one_header_are_refused() -> None:
    both = {"token": "hush", "sigv4_region": "eu-west-1"}
    (problem,) = resolve(both, {}, {})[1]
    assert (problem.said, problem.fatal) == ("token and sigv4_region fill the same header: choose one", True)
    assert resolve({"token": "hush", "api_key": "hush"}, {}, {})[1] == ()


def test_glue_jobs_are_set_up_with_settings_that_the_agent_reads() -> None:
    assert {PYTHON_URL, PYTHON_TOKEN} == {row.conf for row in settings() if row.name in {"url", "token"}}


def test_no_secret_is_shown() -> None:
    given = {"token": "hush", "api_key": "hush", "oauth_secret": "hush"}
    assert "hush" not in repr(resolve(given, {}, {})[0])


def test_sparks_own_pages_hide_the_secrets() -> None:
    hidden = {row.conf for row in settings() if row.secret}
    # Spark's default of spark.redaction.regex looks for these words.
    assert {name for name in hidden if not any(word in name.lower() for word in ("secret", "token"))} == set()


@pytest.mark.parametrize(
    ("conf", "arguments"),
    [
        ({"spark.glue.JOB_NAME": "nightly", "spark.glue.JOB_RUN_ID": "jr_1"}, ["job.py"]),
        ({}, ["job.py", "--JOB_NAME", "nightly", "--JOB_RUN_ID=jr_1"]),
        ({"spark.glue.JOB_NAME": "nightly"}, ["job.py", "--JOB_NAME", "other", "--JOB_RUN_ID", "jr_1"]),
    ],
    ids=["from Spark's settings", "from the arguments", "from both"],
)
def test_a_glue_job_is_recognised(conf: dict[str, str], arguments: list[str]) -> None:
    found = identity({"spark.app.name": "x", **conf}, arguments)
    assert found == {"spark.glue.JOB_NAME": "nightly", "spark.glue.JOB_RUN_ID": "jr_1"}


def test_elsewhere_there_is_no_glue_job() -> None:
    assert identity({"spark.app.name": "x"}, ["job.py", "--JOB_NAME"]) == {}
