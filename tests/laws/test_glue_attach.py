"""Attaching an agent to a Glue job: what holds for any arguments that a job may have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headwater.spline_bridge.glue.attach import LISTENER, Agent, agent_for, attach, attached, detach
from headwater.spline_bridge.glue.masking import changes, masked

KEYS = (
    "spark.sql.queryExecutionListeners",
    "spark.spline.lineageDispatcher",
    "spark.spline.lineageDispatcher.http.producer.url",
    "spark.spline.lineageDispatcher.http.header.X-API-Key",
    "spark.driver.extraJavaOptions",
    "spark.headwater.url",
    "spark.sql.shuffle.partitions",
)
VALUES = ("", "a", "a,b", LISTENER, f"com.example.Mine,{LISTENER}", "console", '"-Dx=1 -Dy=2"', "'q'", "é", "200")
PAIRS = st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map("=".join) | st.text(max_size=8)
SEPARATORS = st.sampled_from((" --conf ", "  --conf ", "\n--conf\t"))
CHAINS = st.lists(st.tuples(SEPARATORS, PAIRS), max_size=5).map(
    lambda parts: "".join(before * (at > 0) + text for at, (before, text) in enumerate(parts))
)
JARS = st.lists(
    st.sampled_from(
        ("s3://b/x.jar", "s3://b/jars/snakeyaml-1.33.jar", "s3://o/spark-3.1-spline-agent-bundle_2.12-0.6.1.jar")
    ),
    max_size=3,
).map(",".join)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "--conf": CHAINS,
        "--extra-jars": JARS | st.text(max_size=8),
        "--extra-py-files": st.sampled_from(("", "s3://b/a.py", "s3://b/a.py, s3://b/headwater.zip")),
        "--user-jars-first": st.sampled_from(("true", "false", "")),
        "--TempDir": st.text(max_size=5),
        "--job-language": st.just("python"),
    },
)
VERSIONS = st.sampled_from(("3.0", "4.0", "5.0", "5.1"))
NAMED = {"--conf", "--extra-jars", "--extra-py-files", "--user-jars-first"}


def job(version: str) -> dict[str, object]:
    return {"Command": {"Name": "glueetl"}, "GlueVersion": version}


AGENTS = st.one_of(
    st.builds(
        lambda version, token: agent_for(job(version), "jar", "http://10.0.0.5:9090", "s3://b/jars", token),
        VERSIONS,
        st.sampled_from(("", "hw_s3cr3t")),
    ),
    st.builds(
        lambda version, token: agent_for(job(version), "python", "http://10.0.0.5:9090", "s3://b/headwater.zip", token),
        VERSIONS.filter(lambda version: version != "3.0"),
        st.sampled_from(("", "hw_s3cr3t")),
    ),
)


@given(ARGUMENTS, AGENTS)
def test_detaching_gives_the_job_as_it_was(arguments: dict[str, str], agent: Agent) -> None:
    assert detach(attach(arguments, agent)) == arguments
    assert detach(arguments) == arguments


@given(ARGUMENTS, AGENTS, AGENTS)
def test_attaching_twice_is_attaching_once_and_the_last_agent_stays(
    arguments: dict[str, str], first: Agent, second: Agent
) -> None:
    once = attach(arguments, second)
    assert attach(once, second) == once
    assert attach(attach(arguments, first), second) == once
    record = attached(once)
    assert record is not None
    assert record.agent == second.name


@given(ARGUMENTS, AGENTS)
def test_nothing_but_the_named_arguments_changes(arguments: dict[str, str], agent: Agent) -> None:
    after = attach(arguments, agent)
    assert {key: value for key, value in after.items() if key not in NAMED} == {
        key: value for key, value in arguments.items() if key not in NAMED
    }


@given(ARGUMENTS, AGENTS)
def test_no_token_is_shown(arguments: dict[str, str], agent: Agent) -> None:
    after = attach(arguments, agent)
    shown = " ".join(change.text for change in (*changes(arguments, after), *changes(after, arguments)))
    assert "hw_s3cr3t" not in shown + " ".join(masked(key, value) for key, value in after.items())
