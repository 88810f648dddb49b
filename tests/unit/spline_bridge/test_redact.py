"""Secrets that a job carries in its URLs, options, code and errors do not get past the receiver; the rest does."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.spline_bridge.redact import redact
from headwater.spline_bridge.secret_patterns import clean_error, clean_text, secret_name

PAYLOADS = Path(__file__).parents[2] / "payloads"
RECORDED = sorted([*PAYLOADS.glob("*/*-plan.json"), *PAYLOADS.glob("*/*-event.json")])


def held(document: Any) -> list[str]:
    """What the recorded payloads hold, and no more: UDFs have their pickles, failed runs their stack traces."""
    if isinstance(document, list):
        return [f"$[{i}].error: stack trace" for i, event in enumerate(document) if "\n" in event.get("error", "")]
    functions = document.get("expressions", {}).get("functions", [])
    pickles = [i for i, each in enumerate(functions) if "PythonFunction(" in each.get("params", {}).get("func", "")]
    return [f"$.expressions.functions[{i}].params.func: pickled function" for i in pickles]


PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_a_recorded_payload_keeps_all_but_its_secrets(path: Path) -> None:
    document = json.loads(path.read_bytes())
    redacted, notes = redact(document)
    assert list(notes) == held(document)
    assert (redacted is document) == (not notes)
    assert document == json.loads(path.read_bytes())  # the caller's document is not changed


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("password", "password"),
        ("PWD", "password"),
        ("sfPassword", "password"),
        ("spark.ssl.keyStorePassword", "password"),
        ("es.net.http.auth.pass", "password"),
        ("passphrase", "password"),
        ("dbpassword", "password"),
        ("fs.s3a.secret.key", "key"),
        ("fs.s3a.bucket.raw-zone.secret.key", "key"),
        ("fs.s3a.access.key", "key"),
        ("fs.s3a.server-side-encryption.key", "key"),
        ("AWSAccessKeyId", "key"),
        ("aws_secret_access_key", "key"),
        ("fs.azure.account.key.lake.dfs.core.windows.net", "key"),
        ("apiKey", "key"),
        ("pem_private_key", "key"),
        ("fs.azure.account.oauth2.client.secret.lake", "secret"),
        ("client_secret", "secret"),
        ("secret", "secret"),
        ("fs.s3a.session.token", "token"),
        ("authToken", "token"),
        ("X-Amz-Security-Token", "token"),
        ("fs.azure.sas.container.lake", "token"),
        ("Authorization", "token"),
        ("X-Amz-Signature", "signature"),
        ("sig", "signature"),
        ("X-Amz-Credential", "credentials"),
        ("credentials", "credentials"),  # BigQuery: a service account's key in Base64
        # names that sound like it
        ("key", None),
        ("primaryKey", None),
        ("partition_keys", None),
        ("maxTokens", None),
        ("tokenUrl", None),
        ("tokenizer", None),
        ("secretId", None),
        ("secret.arn", None),
        ("secretName", None),
        ("fs.s3a.aws.credentials.provider", None),
        ("bypass", None),
        ("compass", None),
        ("design", None),
        ("timeZoneId", None),
        ("user", None),
        ("", None),
    ],
)
def test_a_secret_is_known_by_the_name_of_its_option(key: str, kind: str | None) -> None:
    assert secret_name(key) == kind


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        # user info
        ("postgres://joe:hunter2@db.corp:5432/shop", "postgres://db.corp:5432/shop"),
        ("https://hunter2@github.com/x", "https://github.com/x"),
        ("s3a://AKIAX:hunter2/with/slashes@bucket/key", "s3a://bucket/key"),
        ("mongodb+srv://joe:p@ss@hunter2@cluster/db", "mongodb+srv://cluster/db"),
        ("mongodb://a:hunter2@h1,b:hunter2@h2/db", "mongodb://h2/db"),
        ("jdbc:oracle:thin:scott/hunter2@//db:1521/orcl", "jdbc:oracle:thin:@//db:1521/orcl"),
        ("a://b@c:hunter2/y@z", "a://z"),  # what one pattern leaves is another's
        # parameters
        ("jdbc:postgresql://h/db?user=joe&password=hunter2", "jdbc:postgresql://h/db?user=joe&password=*****"),
        ("jdbc:postgresql://h/db?password=hunter2&user=joe", "jdbc:postgresql://h/db?password=*****&user=joe"),
        ("jdbc:postgresql://h/db?password=hunter2:public.orders", "jdbc:postgresql://h/db?password=*****"),
        ("jdbc:sqlserver://h:1433;user=sa;password=hunter2;encrypt=true", "jdbc:sqlserver://h:1433;user=sa;password=*****;encrypt=true"),
        ("jdbc:sqlserver://h;password={hun;ter2};user=sa", "jdbc:sqlserver://h;password=*****;user=sa"),
        ("jdbc:sqlserver://h;password=hunter2 with spaces;user=sa", "jdbc:sqlserver://h;password=*****;user=sa"),
        ("jdbc:h2:file:/db;PASSWORD=hunter2", "jdbc:h2:file:/db;PASSWORD=*****"),
        ("jdbc:snowflake://x/?private_key_pwd=hunter2", "jdbc:snowflake://x/?private_key_pwd=*****"),
        ("https://h/x?redirect=1%26password%3Dhunter2", "https://h/x?redirect=1%26password%3D*****"),
        ("jdbc:sqlserver://h;password=@hunter2;user=sa", "jdbc:sqlserver://h;password=*****;user=sa"),
        ("EndpointsProtocol=https;AccountKey=hunter2==", "EndpointsProtocol=https;AccountKey=*****"),
        ("url=jdbc:x?password=hunter2", "url=jdbc:x?password=*****"),
        ('org.apache.kafka.PlainLoginModule required password="hunter2 x" user="a";',
         'org.apache.kafka.PlainLoginModule required password="*****" user="a";'),
        ("password='hunter2", "password='*****"),
        ("password = 'hunter2'", "password = '*****'"),  # options of SQL, and ini files
        # signed URLs: the signature is over the query, all of it goes
        ("https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature=hunter2", "https://b.s3.amazonaws.com/k"),
        ("https://storage.googleapis.com/b/k?X-Goog-Signature=hunter2", "https://storage.googleapis.com/b/k"),
        ("https://lake.blob.core.windows.net/c/k?sv=1&sig=hunter2", "https://lake.blob.core.windows.net/c/k"),
        ("https://x.cloudfront.net/k?Expires=1&Signature=hunter2&Key-Pair-Id=1", "https://x.cloudfront.net/k"),
        # a partition folder
        ("s3://lake/events/token=hunter2/part-0.parquet", "s3://lake/events/token=*****/part-0.parquet"),
        # JSON as text
        ('{"password": "hunter2", "a": 1}', '{"password": "*****", "a": 1}'),
        ("{'secret': 'hunter2'}", "{'secret': '*****'}"),
        ('{"token":hunter2,"a":1}', '{"token":*****,"a":1}'),
        # by shape
        (f"x {PEM} y", "x ***** y"),
        ("-----BEGIN PRIVATE KEY-----\nhunter2", "*****"),  # cut off
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer *****"),
        (f"see {JWT}", "see *****"),
        ("key AKIAIOSFODNN7EXAMPLE", "key *****"),
        ("SimplePythonFunction(WrappedArray(-128, 5, -107))", "SimplePythonFunction(*****"),
    ],
)  # fmt: skip
def test_a_text_loses_its_secret(text: str, kept: str) -> None:
    assert clean_text(text)[0] == kept
    assert clean_text(kept) == (kept, ())
    assert "hunter2" not in kept


@pytest.mark.parametrize(
    "text",
    [
        "jdbc:postgresql://127.0.0.1:56777/shopdb?user=shop&password=*****",  # masked by the agent
        "jdbc:h2:file:/data/lake/db/rep;PASSWORD=*****",
        "abfss://container@lake.dfs.core.windows.net/a",  # the container, not a user
        "wasb://container@lake.blob.core.windows.net/a",
        "hdfs://nn:8020/home/a@b/c",
        "s3://bucket/mail/a@b.c/d=1",
        "kafka://h1:9092,h2:9092/topic@1",
        "http://[::1]:8080/a@b",
        "https://h/k?versionId=1&partNumber=2",
        "(token#1 = token#2)",
        "sum(price * quantity) AS total",
        "case when status = paid then 1",
        "Filter (isnotnull(secret#12) AND (secret#12 = 3))",
        "forward_spark_s3_credentials=true",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "",
    ],
)
def test_a_text_without_secrets_is_kept(text: str) -> None:
    assert clean_text(text) == (text, ())


def plan(**params: Any) -> dict[str, Any]:
    return {"operations": {"reads": [{"id": "r", "params": params}]}}


READ = "$.operations.reads[0].params"


@pytest.mark.parametrize(
    ("params", "kept", "notes"),
    [
        ({"password": "hunter2"}, {"password": "*****"}, [f"{READ}.password: password"]),
        ({"fs.s3a.secret.key": "hunter2"}, {"fs.s3a.secret.key": "*****"}, [f'{READ}["fs.s3a.secret.key"]: key']),
        ({"token": 4711}, {"token": "*****"}, [f"{READ}.token: token"]),
        ({"options": {"sfPassword": "hunter2", "sfUser": "joe"}}, {"options": {"sfPassword": "*****", "sfUser": "joe"}},
         [f"{READ}.options.sfPassword: password"]),
        ({"secret": {"a": ["hunter2", {"b": "hunter2"}]}}, {"secret": {"a": ["*****", {"b": "*****"}]}},
         [f"{READ}.secret.a[0]: secret", f"{READ}.secret.a[1].b: secret"]),
        ({"url": "jdbc:x://joe:hunter2@h?password=hunter2"}, {"url": "jdbc:x://h?password=*****"},
         [f"{READ}.url: password, user info"]),
        ({"a": ["x", PEM]}, {"a": ["x", "*****"]}, [f"{READ}.a[1]: private key"]),
        ({"jdbc:x?password=hunter2": 1}, {"jdbc:x?password=*****": "*****"},
         [f'{READ}["jdbc:x?password=*****"]: password', f'{READ}["jdbc:x?password=*****"]: password']),
        ({"func": "PythonFunction(Array(-128", "name": "f"}, {"name": "f"}, [f"{READ}.func: pickled function"]),
        ({"func": [-128, 5], "name": "f"}, {"name": "f"}, [f"{READ}.func: pickled function"]),
        ({"command": "SimplePythonFunction(WrappedArray(-128"}, {"command": "SimplePythonFunction(*****"},
         [f"{READ}.command: pickled function"]),
        # a name that is a value
        ({"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}, {"env": [{"name": "DB_PASSWORD", "value": "*****"}]},
         [f"{READ}.env[0].value: password"]),
        ({"Key": "db.secret", "Value": {"a": ["hunter2"]}}, {"Key": "db.secret", "Value": {"a": ["*****"]}},
         [f"{READ}.Value.a[0]: secret"]),
        ({"args": ["-x", "--password", "hunter2"]}, {"args": ["-x", "--password", "*****"]},
         [f"{READ}.args[2]: password"]),
        ({"pass\u200bword": "hunter2"}, {"pass\u200bword": "*****"}, [f'{READ}["pass\\u200bword"]: password']),
        # what only sounds like a secret
        ({"name": "password", "dataType": "string"}, None, []),
        ({"key": "token", "value": "monthly"}, None, []),
        ({"args": ["--password", "--token-count", "12"]}, None, []),
        ({"token": {"__exprId": "expr-1", "_typeHint": "expr.Literal"}}, None, []),
        ({"func": "scala.Function1", "password": None, "secret": "", "token": True}, None, []),
        ({"password": "*****", "forward_spark_s3_credentials": "true"}, None, []),
        ({"func": {"__exprId": "expr-1"}}, None, []),
    ],
)  # fmt: skip
def test_a_plan_loses_its_secrets_and_says_where(params: Any, kept: Any, notes: list[str]) -> None:
    document = plan(**params)
    redacted, said = redact(document)
    assert redacted == plan(**(params if kept is None else kept))
    assert list(said) == notes
    assert (redacted is document) == (not notes)


def test_the_plan_keeps_its_id_and_the_secret_literals_of_its_expressions_go() -> None:
    document = {
        "id": "96dbe69a-7668-5f19-a99c-90eec557905a",
        "expressions": {"constants": [{"id": "e", "value": "https://joe:hunter2@h/"}, {"id": "f", "value": 5}]},
    }
    redacted, notes = redact(document)
    assert redacted["id"] == document["id"]
    assert redacted["expressions"]["constants"] == [{"id": "e", "value": "https://h/"}, {"id": "f", "value": 5}]
    assert notes == ("$.expressions.constants[0].value: user info",)


@pytest.mark.parametrize(
    ("error", "kept", "kinds"),
    [
        ("java.lang.X: m\n\tat a.b\nCaused by: y", "java.lang.X: m", "stack trace"),
        ("\n\n  java.lang.X: m\r\n", "java.lang.X: m", "stack trace"),
        ("X: cannot open jdbc:x?password=hunter2 now", "X: cannot open jdbc:x?password=***** now", "password"),
        ("X: invalid secret key: hunter2", "X: invalid secret key: *****", "key"),
        ("X: password = hunter2\n\tat", "X: password = *****", "stack trace, password"),
        ({"message": "X: m\nat", "code": 5}, {"message": "X: m", "code": 5}, "stack trace"),
        ("X: m", "X: m", None),
        (None, None, None),
        (5, 5, None),
    ],
)
def test_an_events_error_is_cut_to_class_and_first_line(error: Any, kept: Any, kinds: str | None) -> None:
    redacted, notes = redact([{"planId": "p", "timestamp": 1, "error": error}])
    assert redacted == [{"planId": "p", "timestamp": 1, "error": kept}]
    path = "$[0].error.message" if isinstance(error, dict) else "$[0].error"
    assert list(notes) == ([] if kinds is None else [f"{path}: {kinds}"])


def test_an_endless_error_is_cut() -> None:
    assert len(clean_error("X: " + "m" * 500_000)[0]) == 1_001


def test_only_an_events_own_error_is_an_error() -> None:
    document = [{"extra": {"error": "one\ntwo"}}]
    assert redact(document) == (document, ())


def test_a_hundred_notes_are_kept_and_the_others_counted() -> None:
    notes = redact(plan(options=[{"password": "x"}] * 250))[1]
    assert len(notes) == 101
    assert notes[-1] == "and 150 more"


def test_a_document_of_any_depth_loses_its_secret() -> None:
    document: Any = {"password": "hunter2"}
    for _ in range(20_000):
        document = [document]
    redacted, notes = redact({"params": document})
    assert len(notes) == 1
    while not isinstance(redacted, dict) or "params" in redacted:
        redacted = redacted["params"] if isinstance(redacted, dict) else redacted[0]
    assert redacted == {"password": "*****"}


@pytest.mark.parametrize(
    "hostile",
    [
        "://a:" * 50_000,
        "://" * 100_000,
        "://" + "b:x@" * 50_000,
        "?" * 300_000,
        "a=" * 150_000,
        "A" * 300_000 + "=",
        "\\" * 200_000 + "=",
        "pwd={;" * 50_000,
        "pwd=';" * 50_000,
        '"a":' * 60_000,
        "'a" * 150_000 + ":",
        "jdbc:oracle:thin:" * 20_000,
        "-----BEGIN PRIVATE KEY-----" * 10_000,
        "-----BEGIN " + "PRIVATE KEY" * 20_000,
        "-eyJaaaaaaaa" * 30_000,
        "bearer " * 50_000,
    ],
    ids=lambda text: text[:20],
)
def test_a_text_made_to_be_slow_is_not(hostile: str) -> None:
    # Without an end this would take minutes: the test's own time limit is what fails.
    once = clean_text(hostile)[0]
    assert clean_text(once)[0] == once


def test_a_text_made_to_hide_a_secret_in_layers_is_not_kept_at_all() -> None:
    assert clean_text("a://" + "b:hunter2/@" * 20) == ("*****", ("user info",))


# Laws -----------------------------------------------------------------------------------------------------------------

ALPHABET = st.sampled_from(
    [*"ab:/@?&;= '\"{}\\,.*#%", "://", "jdbc:", "password", "token=", "sig=", "hdfs", "\n", "*****", "Bearer "]
)
KEYS = st.sampled_from(["password", "params", "func", "error", "a", "x?token=1", "__exprId"])
TEXTS = st.lists(ALPHABET, max_size=25).map("".join)
DOCUMENTS = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(document=st.dictionaries(TEXTS, DOCUMENTS, max_size=3) | st.lists(DOCUMENTS, max_size=3))
@example(document=[{"error": "a\npassword: b"}])
def test_redacting_twice_is_redacting_once(document: Any) -> None:
    before = copy.deepcopy(document)
    once, _ = redact(document)
    assert redact(once) == (once, ())
    assert document == before


@given(text=TEXTS)
def test_an_errors_line_is_cleaned_once(text: str) -> None:
    once, _ = clean_error(text)
    assert clean_error(once) == (once, ())


SECRET = "s3cr3tV4lu3"
CARRIERS = [
    "scheme://joe:{}@host/x",
    "jdbc:postgresql://h/db?user=a&password={}",
    "jdbc:sqlserver://h;password={};encrypt=true",
    "jdbc:oracle:thin:scott/{}@h:1521:x",
    "https://h/k?X-Amz-Signature={}",
    "pwd={}",
    'password="{}"',
    '{{"clientSecret": "{}"}}',
    "Bearer abcdefghijklmnop{}",
]
# Without / and #: in scheme://joe:@a/@b nobody can tell where the password ends.
PIECES = st.lists(st.sampled_from([SECRET, *":@%!*-_.~+", "A", "7"]), max_size=6).map("".join)


AROUND = ["{}", "see {} now", "({})"]


@given(carrier=st.sampled_from(CARRIERS), before=PIECES, after=PIECES, around=st.sampled_from(AROUND))
def test_no_part_of_a_secret_remains(carrier: str, before: str, after: str, around: str) -> None:
    text = around.format(carrier.format(before + SECRET + after))
    assert SECRET not in clean_text(text)[0]
