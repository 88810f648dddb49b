"""Naming holds for any text: total, idempotent, one name for equal spellings, `#` for columns alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel import ids, naming
from headwater.graphmodel.naming import Rules, canonical, from_openlineage, parse
from headwater.ingest.graph import mark

#: Pieces that mean something to one rule or another, glued together in any order.
PIECES = (
    *'ab/:?#%@.;=&*-\\[]()"` 019AZÉ,_',
    *("%23", "%25", "%20", "%2F", "dt=1", "2026", "01", "2026-01", "part-0.csv", "metadata", "1.metadata.json"),
    *("s3://", "file:", "file:///", "hdfs://", "dbfs:", "abfss://", "kafka:", "kafka://", "arn:aws:glue:", "delta.`"),
    *(
        "jdbc:",
        "jdbc:postgresql://",
        "jdbc:oracle:thin:@",
        "jdbc:sqlserver://",
        "jdbc:mysql:",
        "jdbc:h2:",
        "jdbc:foo://",
    ),
    *("jdbc:sqlite:", "jdbc:snowflake://", "jdbc:redshift:iam://", "postgres://", "sqlserver://", "redshift://"),
    *("oracle://", "snowflake://", "sqlite:", "mongodb://", "unresolved:", "localhost", "--table-s3", "(HOST=h)"),
    *("password=", "databaseName=", "db=", ":(select * from t)", "?query=12345678"),
    *(".snowflakecomputing.com", "c.x.eu-west-1.redshift.amazonaws.com"),
    *("arn:aws:s3:::", "arn:aws:s3:r:1:accesspoint/", "accesspoint:", "/object/", "arn:aws:s3tables:r:1:bucket/b/"),
    *("arn:aws:glue:r:1:table/s3tablescatalog/b/", "arn:aws:redshift:r:1:table/c/", "arn:aws:dynamodb:r:1:table/"),
    *("warehouse:", "hive://", "thrift://", "trino://", "jdbc:trino://", "awsathena://", "mssql://", "wasbs://c@a"),
    *(
        ".blob.core.windows.net",
        "https://b.s3.eu-west-1.amazonaws.com",
        "https://s3.amazonaws.com",
        ".aws",
        ".privatelink",
    ),
    *("b-1.c.x.c2.kafka.eu-west-1.amazonaws.com", "inmemory://", "duckdb:", "tcp:", "20260131", "31.01.2026", "run_7"),
    *("T0815", "2026-01-31T08:15Z", "runs", "jr_", "db.t"),
)
URIS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
ANY = st.one_of(URIS, st.text(st.characters(), max_size=40))  # with lone surrogates

#: How the ids of other vertices begin and end, in any spelling that becomes one.
_PREFIXES = st.sampled_from([*ids.PREFIXES, ids.LEDGER, *map(str.upper, ids.PREFIXES), "dataset:", "/job:", "x"])
_ENDS = st.sampled_from(["", "@initial", "@0123456789abcdef", "@initial@", "/dt=1", "/", "#c", "@initial/dt=1"])
ALIKE = st.builds("{}{}{}".format, _PREFIXES, URIS, _ENDS)

FOLDERS = st.lists(st.text("abcxyz_- é", min_size=1, max_size=6), min_size=1, max_size=4).map("/".join)
PARTITIONS = st.lists(
    st.sampled_from(
        [
            *("dt=2026-01-31", "region=eu west", "2026/01/31", "2026-01", "20260131", "202601", "31.01.2026"),
            *("20260131T0815Z", "2026-01-31 08:15:30", "run_7", "runs/7", "2026-01-31/08", "jr_" + "0a" * 32),
        ]
    ),
    max_size=3,
)
FILES = st.sampled_from(["", "/", "/part-00000-9f.c000.snappy.parquet"])
BUCKETS = st.text("abc-09", min_size=3, max_size=8)
IDENTIFIERS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


@given(ANY)
def test_a_name_is_its_own_name(spelling: str) -> None:
    uri = canonical(spelling)
    assert canonical(uri) == uri


@given(st.one_of(ANY, ALIKE), st.one_of(ANY, ALIKE))
def test_no_dataset_has_the_id_of_another_vertex(spelling: str, other: str) -> None:
    uri = canonical(spelling)
    assert canonical(uri) == uri == parse(spelling).uri
    assert uri != ids.LEDGER
    assert not uri.startswith(ids.PREFIXES)
    assert uri not in (ids.initial_version_id(canonical(other)), ids.version_id(canonical(other), "run:x"))
    assert uri not in (ids.initial_version_id(uri[: -len("@initial")]), f"{uri[:-17]}@0123456789abcdef")


def test_every_prefix_of_an_id_is_known_and_set_apart() -> None:
    made = [ids.job_id("n", "x"), ids.plan_id("0"), ids.operation_id(ids.plan_id("0"), "1"), ids.run_id("p", 1, None)]
    made += [ids.alias_id("x"), ids.tag_id("x"), mark.LEDGER, ids.version_id("x", "r"), ids.initial_version_id("x")]
    assert [canonical(one) for one in made] == [ids.dataset_id(one) for one in made]
    assert not {canonical(one) for one in made} & set(made)
    assert canonical("s3://lake/ledger") == "s3://lake/ledger"
    assert canonical("jobs") == "jobs"


@given(ANY, st.booleans(), st.booleans(), st.booleans(), st.lists(URIS, max_size=2))
def test_that_holds_under_any_rules(
    spelling: str, partitions: bool, dates: bool, files: bool, roots: list[str]
) -> None:
    rules = Rules(partitions, dates, files, tuple(roots))
    uri = canonical(spelling, rules)
    assert canonical(uri, rules) == uri


DATED = st.lists(
    st.sampled_from(
        (
            *(
                "s3://b/",
                "/",
                "file:///",
                "hdfs://n/",
                "postgres://h:5432/",
                "kafka:",
                "bigquery:",
                "db.",
                "a",
                "_",
                "-",
            ),
            *(
                ".",
                "x y",
                "20260301",
                "2026-03-01",
                "1772352000",
                "%25",
                "%23",
                "7",
                "part-0",
                "S3:",
                "?query=12345678",
            ),
            *("2026-03-01T08:00:00Z", "0123456789abcdef" * 2, "=", "É", "--table-s3", "#", "?query=12345678"),
        )
    ),
    max_size=12,
).map("".join)
PATTERNS = st.lists(
    st.sampled_from(("*", "{date}", "{timestamp}", "{uuid}", "{number}", "_", "a", "-", "%", "x y", ".")), max_size=5
).map("".join)


@given(DATED, st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, max_size=2))
def test_and_under_any_patterns_of_a_user(
    spelling: str, names: list[str], folders: list[str], datasets: list[str]
) -> None:
    kept = tuple(f"s3://b/{pattern}" for pattern in datasets)
    moved = tuple((f"s3://b/{one}", f"s3://{other}") for one, other in zip(names, folders, strict=False))
    rules = Rules(names=tuple(names), folders=tuple(folders), datasets=kept, namespaces=moved)
    uri = canonical(spelling, rules)
    assert canonical(uri, rules) == uri
    assert "#" not in uri
    some = Rules(dates=False, names=("*_{date}",), namespaces=(("s3://a", "s3://b"),))
    assert Rules.from_text(some.text) == some


@given(ANY)
def test_only_a_column_comes_after_the_number_sign(spelling: str) -> None:
    name = parse(spelling)
    assert "#" not in name.uri
    assert "#" not in naming.unresolved(spelling, spelling)


@given(ANY)
def test_parsing_and_naming_agree(spelling: str) -> None:
    name = parse(spelling)
    again = parse(name.uri)
    assert name.uri == canonical(spelling)
    assert (again.namespace, again.name, again.display) == (name.namespace, name.name, name.display)
    assert name.spelling == spelling


@given(ANY)
def test_an_alias_leads_to_its_dataset(spelling: str) -> None:
    name = parse(spelling)
    assert {canonical(alias) for alias in naming.spellings(name)} <= {name.uri}


@given(ANY, ANY, st.sampled_from([None, True, False]))
def test_a_pair_of_openlineage_has_one_uri_and_leads_back_to_it(namespace: str, name: str, table: bool | None) -> None:
    found = from_openlineage(namespace, name, table=table)
    assert canonical(found.uri) == found.uri
    assert from_openlineage(found.namespace, found.name).uri == found.uri
    for one in naming.symlink_names(namespace, name):
        assert canonical(one) == one


@given(ANY)
def test_the_pair_of_any_name_leads_back_to_it(spelling: str) -> None:
    name = parse(spelling)
    assert from_openlineage(name.namespace, name.name).uri == name.uri


@given(st.sampled_from(["s3", "s3a", "file", "hdfs", "abfss"]), FOLDERS, IDENTIFIERS, IDENTIFIERS)
def test_a_table_of_a_warehouse_never_meets_a_path(scheme: str, folders: str, database: str, table: str) -> None:
    location = f"{scheme}://host/{folders}"
    found = from_openlineage(location, f"{database}.{table}").uri
    assert found != canonical(f"{location}/{database}.{table}")
    assert found.startswith("warehouse:")


@given(ANY, st.none() | ANY, st.none() | ANY, ANY)
def test_jdbc_names_are_canonical(url: str, table: str | None, query: str | None, plan: str) -> None:
    name = naming.jdbc(url, table, query, plan)
    assert canonical(name.uri) == name.uri
    assert naming.jdbc(url, table, query, plan) == name


@given(ANY, ANY)
def test_an_unresolved_dataset_stays_unresolved(plan: str, spelling: str) -> None:
    uri = naming.unresolved(plan, spelling)
    assert uri.startswith("unresolved:")
    assert canonical(uri) == uri


@given(st.lists(ANY, max_size=5))
def test_a_read_names_each_dataset_once_and_in_order(spellings: list[str]) -> None:
    assert [name.uri for name in naming.fold(spellings)] == list(dict.fromkeys(map(canonical, spellings)))


@given(BUCKETS, FOLDERS, PARTITIONS, FILES)
def test_all_spellings_of_an_s3_path_meet(bucket: str, folders: str, partitions: list[str], file: str) -> None:
    tail = "".join(f"/{partition}" for partition in partitions) + file
    names = [parse(f"{scheme}://{bucket}/{folders}{tail}") for scheme in ("s3", "s3a", "s3n", "S3A")]
    assert {name.uri for name in names} == {f"s3://{bucket}/{folders}"}
    assert {name.partition for name in names} == {"/".join(partitions) or None}


@given(FOLDERS, PARTITIONS, FILES)
def test_all_spellings_of_a_local_path_meet(folders: str, partitions: list[str], file: str) -> None:
    path = "/" + folders + "".join(f"/{partition}" for partition in partitions) + file
    encoded = path.replace(" ", "%20")
    spelled = [path, f"/{path}", f"file:{path}", f"file://{path}", f"FILE://localhost{path}", f"file://{encoded}"]
    assert {canonical(spelling) for spelling in spelled} == {f"file:///{folders}"}


@given(IDENTIFIERS, IDENTIFIERS, IDENTIFIERS)
def test_all_spellings_of_a_postgres_table_meet(host: str, database: str, table: str) -> None:
    spelled = [
        f"jdbc:postgresql://{host}/{database}:public.{table}",
        f"jdbc:postgresql://{host.upper()}:5432/{database}:{table}",
        f"jdbc:postgresql://user:secret@{host}:5432/{database}:PUBLIC.{table.upper()}",
        f'jdbc:postgresql://{host}/{database}?ssl=true&currentSchema=public:"{table}"',
        f"jdbc:postgresql://{host}/{database}:(select * from {table}) as t",
        f"postgresql://{host}/{database}.public.{table}",
    ]
    uri = f"postgres://{host}:5432/{database}.public.{table}"
    assert {canonical(spelling) for spelling in spelled} == {uri}
    hidden = f"jdbc:postgresql://{host}/{database}?password=*****"
    assert naming.jdbc(hidden, table, None, "plan").uri == uri
