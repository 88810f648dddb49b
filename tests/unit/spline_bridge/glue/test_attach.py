"""Arguments in, arguments out; jobs that no agent fits; what is shown of secrets."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.spline_bridge.glue.attach import ADD_OPENS, LISTENER, RECORD, agent_for, attach, detach, job_update
from headwater.spline_bridge.glue.chain import parse, text_of, value_of
from headwater.spline_bridge.glue.masking import masked
from headwater.spline_bridge.glue.status import job_status
from headwater.spline_bridge.glue.versions import CannotAttach

URL = "http://10.0.0.5:9090"
PRODUCER = f"{URL}/producer"
DISPATCH = (
    f" --conf spark.spline.lineageDispatcher=http --conf spark.spline.lineageDispatcher.http.producer.url={PRODUCER}"
)
JAR_35 = "s3://b/jars/spark-3.5-spline-agent-bundle_2.12-2.2.0.jar"
JAR_33 = "s3://b/jars/spark-3.3-spline-agent-bundle_2.12-2.2.0.jar"
JAR_31 = "s3://b/jars/spark-3.1-spline-agent-bundle_2.12-2.2.0.jar"
YAML = "s3://b/jars/snakeyaml-1.33.jar"
LISTENERS = "spark.sql.queryExecutionListeners"


def job(version: str = "4.0", **fields: Any) -> dict[str, Any]:
    return {"Name": "j", "Command": {"Name": "glueetl"}, "GlueVersion": version, **fields}


#: Glue version, arguments before -> the jars, the chain without our record
CASES = {
    "nothing was there": ("4.0", {}, f"{JAR_33},{YAML}", f"{LISTENERS}={LISTENER}{DISPATCH}"),
    "Spark 3.1": ("3.0", {}, f"{JAR_31},{YAML}", f"{LISTENERS}={LISTENER}{DISPATCH}"),
    "Java 17": (
        "5.1",
        {},
        f"{JAR_35},{YAML}",
        f"{LISTENERS}={LISTENER}{DISPATCH} --conf spark.driver.extraJavaOptions={ADD_OPENS}",
    ),
    "Java options of one's own, quoted": (
        "5.0",
        {"--conf": 'spark.driver.extraJavaOptions="-Da=1 -Db=2"'},
        f"{JAR_35},{YAML}",
        f'spark.driver.extraJavaOptions="-Da=1 -Db=2 {ADD_OPENS}" --conf {LISTENERS}={LISTENER}{DISPATCH}',
    ),
    "a listener and settings of one's own": (
        "4.0",
        {"--conf": f"a=b --conf {LISTENERS}=com.x.Y --conf c=d"},
        f"{JAR_33},{YAML}",
        f"a=b --conf {LISTENERS}=com.x.Y,{LISTENER} --conf c=d{DISPATCH}",
    ),
    "jars of one's own, an old agent among them": (
        "4.0",
        {"--extra-jars": "s3://o/x.jar,s3://o/spark-3.1-spline-agent-bundle_2.12-0.6.1.jar,s3://o/snakeyaml-2.0.jar"},
        f"s3://o/x.jar,s3://o/snakeyaml-2.0.jar,{JAR_33}",
        f"{LISTENERS}={LISTENER}{DISPATCH}",
    ),
}


@pytest.mark.parametrize(("version", "before", "jars", "conf"), CASES.values(), ids=CASES)
def test_the_jar_goes_into_the_arguments(version: str, before: dict[str, str], jars: str, conf: str) -> None:
    after = attach(before, agent_for(job(version), "jar", URL, "s3://b/jars/"))
    chain, _, record = after["--conf"].rpartition(f" --conf {RECORD}=")
    assert (after["--extra-jars"], after["--user-jars-first"], chain) == (jars, "true", conf)
    assert record
    assert detach(after) == before


def test_settings_that_others_added_meanwhile_stay() -> None:
    after = attach({}, agent_for(job(), "jar", URL, "s3://b/jars"))
    assert detach({**after, "--conf": after["--conf"] + " --conf x=y"}) == {"--conf": "x=y"}


#: job, agent, url, place, token -> what the sentence names
UNFIT = {
    "pythonshell": (job(Command={"Name": "pythonshell"}), "jar", URL, "s3://b/j", "", "Command.Name is pythonshell"),
    "Ray": (job(Command={"Name": "glueray"}), "jar", URL, "s3://b/j", "", "Command.Name is glueray"),
    "an old Glue": (job("2.0"), "jar", URL, "s3://b/j", "", "GlueVersion is 2.0"),
    "automatic": (job("auto"), "jar", URL, "s3://b/j", "", "GlueVersion is auto"),
    "no version": ({"Command": {"Name": "glueetl"}}, "jar", URL, "s3://b/j", "", "GlueVersion is not set"),
    "fixed conf": (job(NonOverridableArguments={"--conf": "a=b"}), "jar", URL, "s3://b/j", "", "NonOverridable"),
    "no prefix": (job(), "jar", URL, "", "", "--jars"),
    "no bundle": (job(), "python", URL, "", "", "--bundle"),
    "a bundle that is none": (job(), "python", URL, "s3://b/x.whl", "", ".zip"),
    "Scala": (job(DefaultArguments={"--job-language": "scala"}), "python", URL, "s3://b/x.zip", "", "scala"),
    "an old Python": (job("3.0"), "python", URL, "s3://b/x.zip", "", "Python 3.7"),
    "a token with a blank": (job(), "jar", URL, "s3://b/j", "a b", "the token"),
    "an inbox, for the jar": (job(), "jar", "s3://b/inbox", "s3://b/j", "", "--agent python"),
    "an inbox without a bucket": (job(), "python", "s3:///inbox", "s3://b/x.zip", "", "no inbox"),
    "a setting in the inbox": (job(), "python", "s3://b/i --conf a=b", "s3://b/x.zip", "", "no inbox"),
    "a password in the URL": (job(), "jar", "http://u:p@h", "s3://b/j", "", "no password"),
    "a setting in the URL": (job(), "jar", "http://h --conf a=b", "s3://b/j", "", "--url"),
    "no port": (job(), "jar", "http://h:x", "s3://b/j", "", "--url"),
}


@pytest.mark.parametrize(("given", "agent", "url", "place", "token", "said"), UNFIT.values(), ids=UNFIT)
def test_what_does_not_fit_is_named(
    given: dict[str, Any], agent: str, url: str, place: str, token: str, said: str
) -> None:
    with pytest.raises(CannotAttach, match=said):
        agent_for(given, agent, url, place, token)


def test_a_setting_that_others_took_out_meanwhile_stays_out() -> None:
    after = attach({}, agent_for(job(), "jar", URL, "s3://b/jars"))
    assert detach({**after, "--conf": after["--conf"].replace(" --conf spark.spline.lineageDispatcher=http", "")}) == {}


def test_a_record_that_was_altered_is_not_guessed_at() -> None:
    with pytest.raises(CannotAttach, match="was altered"):
        detach({"--conf": f"{RECORD}=nonsense"})


#: argument, value -> shown
SECRETS = {
    "a header": ("--conf", "a=b --conf x.http.header.X-API-Key=s", "a=b --conf x.http.header.X-API-Key=*****"),
    "a password": ("--conf", "spark.db.password=s", "spark.db.password=*****"),
    "an argument": ("--db_password", "s", "*****"),
    "user info": ("--source", "jdbc://u:s@h/db", "jdbc://h/db"),
    "inside Java options": ("--conf", "o=-Dapi.token=s -Dx=1", "o=-Dapi.token=***** -Dx=1"),
    "DB_PASS": ("--DB_PASS", "s", "*****"),
    "JWT": ("--JWT", "s", "*****"),
    "MASTER_KEY": ("--MASTER_KEY", "s", "*****"),
    "no secret's name": ("--token_count", "3", "3"),
    "nothing secret": ("--TempDir", "s3://tmp/x", "s3://tmp/x"),
}


@pytest.mark.parametrize(("argument", "value", "shown"), SECRETS.values(), ids=SECRETS)
def test_secrets_are_masked(argument: str, value: str, shown: str) -> None:
    assert masked(argument, value) == shown


def test_a_chain_is_kept_as_written_and_its_last_value_counts() -> None:
    chain = "a=1\n--conf b=2  --conf a=3 "
    assert text_of(parse(chain)) == chain
    assert (value_of(chain, "a"), value_of(chain, "b"), value_of(chain, "c")) == ("3", "2", "")


#: job's fields -> fields of the update, beside the arguments
UPDATES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"Name": "j", "CreatedOn": 1, "LastModifiedOn": 1, "ProfileName": "p", "AllocatedCapacity": 2}, {}),
    ({"MaxCapacity": 2.0, "AllocatedCapacity": 2}, {"MaxCapacity": 2.0}),  # a job without workers keeps it
    ({"MaxCapacity": 2.0, "WorkerType": "G.1X"}, {"WorkerType": "G.1X"}),
    ({"Timeout": 0}, {}),
    ({"SourceControlDetails": {"Owner": "o", "AuthToken": "***"}}, {"SourceControlDetails": {"Owner": "o"}}),
    ({"Unknown": 1}, {}),  # a field that JobUpdate has not
)


@pytest.mark.parametrize(("given", "update"), UPDATES)
def test_the_update_holds_what_update_job_takes(given: dict[str, Any], update: dict[str, Any]) -> None:
    accepted = {
        *("MaxCapacity", "WorkerType", "AllocatedCapacity", "Timeout", "DefaultArguments", "SourceControlDetails")
    }
    assert job_update(given, {"--a": "b"}, accepted) == {**update, "DefaultArguments": {"--a": "b"}}


def test_states() -> None:
    arguments = attach({}, agent_for(job(), "jar", URL, "s3://b/jars"))
    by_hand = {"--conf": f"{LISTENERS}={LISTENER}{DISPATCH}"}
    assert (job_status(job(DefaultArguments=arguments)).agent, job_status(job(DefaultArguments=by_hand)).agent) == (
        "jar",
        "by hand",
    )
    assert (job_status(job()).agent, job_status(job("2.0")).agent) == ("none", "no agent")


@pytest.mark.parametrize(
    "url", ["http://localhost:9090", "http://127.0.0.1:9090", "http://[::1]:9090", "http://127.9.9.9"]
)
def test_a_url_of_the_jobs_own_machine_is_refused(url: str) -> None:
    with pytest.raises(CannotAttach, match="is the job's own machine"):
        agent_for(job(), "jar", url, "s3://b/jars")


def test_the_agent_in_python_can_write_an_inbox() -> None:
    after = attach({}, agent_for(job("5.0"), "python", "s3://b/inbox/", "s3://b/x.zip"))
    assert value_of(after["--conf"], "spark.headwater.url") == "s3://b/inbox"
    assert job_status(job("5.0", DefaultArguments=after)).detail == "s3://b/inbox"
    assert detach(after) == {}
