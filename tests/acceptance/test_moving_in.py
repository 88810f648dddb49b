"""`headwater load` of what other systems have: a Spline server's database, Marquez, Kafka, DataHub, OpenMetadata.

The dumps are written here as those systems document them: the documents of a Spline server out of recorded plans, as
its persistence model takes them apart; Marquez's pages and its table out of recorded events.
"""

from __future__ import annotations

import gzip
import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from headwater.errors import Unreachable, WrongUse
from headwater.graphmodel.logic import logic
from headwater.ingest.folder.service import Service
from headwater.loading import Loaded, into
from headwater.moving_in import copy_of
from headwater.moving_in.kafka import Topic, line
from headwater.spline_bridge.decode import decode_plan
from tests.acceptance.door import headwater
from tests.golden import openlineage
from tests.golden.recorded import ALL, FLAT, PAYLOADS

SPLINE = sorted({p.case for p in ALL if p.case.startswith(("l0", "h01", "r0", "r1", "g01", "b01", "c01", "k01"))})


def quiet(_done: int, _of: int) -> None:
    pass


def unexpected(place: str, reason: str) -> None:
    raise AssertionError(f"{place}: {reason}")


def load(data: Path, place: str) -> Loaded:
    """What the command does, in this process."""
    unread: list[dict[str, str]] = []
    folder = data.parent / f"{data.name}-copies"
    folder.mkdir(exist_ok=True)
    copy = copy_of(place)
    refuse = lambda place, reason: unread.append({"place": place, "reason": reason})  # noqa: E731
    paths = copy(folder, quiet, refuse) if copy else [Path(place)]
    with Service.open(data) as service:
        loaded = into(service, paths, quiet)
        service.catch_up()
        assert service.parked() == []
    loaded.refused += unread
    return loaded


def ask(data: Path, query: str, **values: str) -> list[dict[str, Any]]:
    with Service.open(data) as service:
        rows: list[dict[str, Any]] = service.ask(query, list(values.items()), lambda: None).to_dict()["rows"]
    return rows


def upstream(data: Path, node: str) -> set[str]:
    with Service.open(data) as service:
        answer = service.ask("lineage", [("node", node), ("direction", "upstream")], lambda: None).to_dict()
    return {one["id"] for one in answer["nodes"] if one["distance"]}


# a Spline server ------------------------------------------------------------------------------------------------------


def taken_apart(plan: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: C901, PLR0912 - one collection after the other
    """(collection, document) of a posted plan, as Spline's server keeps it."""
    id_, number = plan["id"], iter(range(10_000))
    belongs = {"_belongsTo": f"executionPlan/{id_}", "_created": 1, "_txInfo": {"uid": "t"}}

    def edge(name: str, begin: tuple[str, str], end: tuple[str, str], **more: Any) -> tuple[str, dict[str, Any]]:
        ends = {"_from": f"{begin[0]}/{id_}:{begin[1]}", "_to": f"{end[0]}/{id_}:{end[1]}"}
        return name, {"_key": f"{name}{next(number)}", **ends, **belongs, **more}

    def ends_of(refs: list[dict[str, str]]) -> Iterator[tuple[int, tuple[str, str]]]:
        for place, ref in enumerate(refs):
            kind = "attribute" if "__attrId" in ref else "expression"
            yield place, (kind, next(iter(ref.values())))

    def both_halves(value: Any) -> Any:
        if isinstance(value, list):
            return [both_halves(one) for one in value]
        if isinstance(value, dict) and value and value.keys() <= {"__attrId", "__exprId"}:
            return {"__attrId": None, "__exprId": None, **value}
        return {key: both_halves(one) for key, one in value.items()} if isinstance(value, dict) else value

    extra = {**plan.get("extraInfo", {}), "__spline_msg_size": [1, 2]}
    about = {name: plan.get(name) for name in ("name", "systemInfo", "agentInfo", "labels")}
    yield "executionPlan", {"_key": id_, "_id": f"executionPlan/{id_}", **about, "extra": extra}
    operations = plan["operations"]
    listed = [("Write", operations["write"])]
    listed += [("Read", one) for one in operations.get("reads", [])]
    listed += [("Transformation", one) for one in operations.get("other", [])]
    for kind, one in listed:
        kept = {key: both_halves(value) for key, value in one.items() if key not in ("id", "childIds", "output")}
        yield "operation", {"_key": f"{id_}:{one['id']}", "type": kind, **kept, **belongs}
        for place, child in enumerate(one.get("childIds", [])):
            yield edge("follows", ("operation", one["id"]), ("operation", child), index=place)
        if "output" in one:
            yield "schema", {"_key": f"{id_}:{one['id']}", **belongs}
            yield edge("emits", ("operation", one["id"]), ("schema", one["id"]))
            for place, attribute in enumerate(one["output"]):
                yield edge("consistsOf", ("schema", one["id"]), ("attribute", attribute), index=place)
    expressions = plan.get("expressions") or {}
    functions = {one["id"]: one for one in expressions.get("functions", [])}
    for one in plan.get("attributes", []):
        kept = {key: value for key, value in one.items() if key not in ("id", "childRefs")}
        yield "attribute", {"_key": f"{id_}:{one['id']}", **kept, **belongs}
        waiting, behind = list(one.get("childRefs", [])), dict[str, None]()
        for place, end in ends_of(waiting):
            if end[0] == "expression":
                yield edge("computedBy", ("attribute", one["id"]), end, index=place)
        while waiting:
            ref = waiting.pop()
            if "__attrId" in ref:
                behind[ref["__attrId"]] = None
            else:
                waiting += functions.get(ref["__exprId"], {}).get("childRefs", [])
        for attribute in behind:
            yield edge("derivesFrom", ("attribute", one["id"]), ("attribute", attribute))
    for one in functions.values():
        kept = {key: value for key, value in one.items() if key not in ("id", "childRefs")}
        yield "expression", {"_key": f"{id_}:{one['id']}", "type": "Func", "arity": 0, **kept, **belongs}
        for place, end in ends_of(one.get("childRefs", [])):
            yield edge("takes", ("expression", one["id"]), end, index=place)
    for one in expressions.get("constants", []):
        kept = {key: value for key, value in one.items() if key != "id"}
        yield "expression", {"_key": f"{id_}:{one['id']}", "type": "Lit", **kept, **belongs}


def of_event(event: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in event.items() if key != "planId"}
    details = {"executionPlanKey": event["planId"], "frameworkName": "spark 3.5.9"}
    return {
        "_key": f"{event['planId']}:x{event['timestamp']}",
        "planKey": event["planId"],
        **kept,
        "execPlanDetails": details,
    }


def recorded_spline(*cases: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    chosen = [p for p in ALL if p.case in cases and p.content_type != "application/json" and len(p.body) < 200_000]
    plans = {plan["id"]: plan for p in chosen if p.kind == "plan" and (plan := json.loads(p.body))}
    events = [one for p in chosen if p.kind == "event" for one in json.loads(p.body) if one["planId"] in plans]
    return list(plans.values()), events


def dumped(folder: Path, *cases: str, seed: int = 0, envelope: bool = False, packed: bool = False) -> Path:
    """A folder as `arangodump` writes it."""
    plans, events = recorded_spline(*cases)
    lines: dict[str, list[dict[str, Any]]] = {}
    for plan in plans:
        for collection, document in taken_apart(plan):
            lines.setdefault(collection, []).append(document)
    lines["progress"] = [of_event(event) for event in events]
    folder.mkdir(exist_ok=True)
    for collection, documents in lines.items():
        random.Random(seed).shuffle(documents)
        kept = [{"type": 2300, "key": one["_key"], "data": one} if envelope else one for one in documents]
        text = "".join(f"{json.dumps(one)}\n" for one in kept).encode()
        file = folder / f"{collection}_{'0123456789abcdef' * 2}.data.json{'.gz' if packed else ''}"
        file.write_bytes(gzip.compress(text) if packed else text)
    (folder / "ENCRYPTION").write_text("none")
    return folder


@pytest.mark.parametrize("case", SPLINE)
def test_each_plan_of_a_spline_server_is_put_together_as_it_was_posted(case: str, tmp_path: Path) -> None:
    plans, events = recorded_spline(case)
    copy = copy_of(str(dumped(tmp_path / "dump", case, seed=1)))
    assert copy is not None
    (tmp_path / "out").mkdir()
    files = copy(tmp_path / "out", quiet, unexpected)
    again = [json.loads(text) for text in files[0].read_text().splitlines()]
    assert {plan["id"] for plan in again} == {plan["id"] for plan in plans}
    for plan in plans:
        rebuilt = next(one for one in again if one["id"] == plan["id"])
        first, second = (decode_plan(json.dumps(one).encode(), FLAT) for one in (plan, rebuilt))
        assert logic(first).plan == logic(second).plan
        assert set(first.derivations) == set(second.derivations)
        assert set(first.dependencies) == set(second.dependencies)
        assert [one.name for one in first.columns] == [one.name for one in second.columns]
    times = [json.loads(text)["timestamp"] for text in files[1].read_text().splitlines()]
    assert times == sorted(event["timestamp"] for event in events)


@pytest.mark.parametrize(("envelope", "packed"), [(False, False), (True, True)])
def test_a_dump_of_a_spline_server_is_loaded_and_again_changes_nothing(
    tmp_path: Path, *, envelope: bool, packed: bool
) -> None:
    cases = [case for case in SPLINE if case.startswith("l0")]
    dump = dumped(tmp_path / "dump", *cases, envelope=envelope, packed=packed)
    loaded = load(tmp_path / "data", str(dump))
    assert (loaded.refused, loaded.known) == ([], 0)
    assert (loaded.plans, loaded.events) == tuple(map(len, recorded_spline(*cases)))
    assert "file:///data/lake/raw/fx/rates.csv#rate_to_eur" in upstream(
        tmp_path / "data", "/data/lake/pipe/out/churn_by_country#avg_score"
    )
    again = load(
        tmp_path / "data", str(dumped(tmp_path / "dump", *cases, seed=7, envelope=not envelope, packed=packed))
    )
    assert (again.plans, again.events, again.known) == (0, 0, loaded.plans + loaded.events)


WRONG_DUMPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a collection is missing": (lambda dump: one_of(dump, "operation").unlink(), "the collection operation"),
    "it is in VelocyPack": (lambda dump: one_of(dump, "attribute").write_bytes(b"\x9a\x00\n"), "VelocyPack"),
    "it is encrypted": (lambda dump: (dump / "ENCRYPTION").write_text("aes-256-ctr"), "encrypted"),
    "a packed file is damaged": (lambda dump: spoiled(one_of(dump, "attribute")), "cannot be read"),
}


def one_of(dump: Path, collection: str) -> Path:
    return next(dump.glob(f"{collection}_*"))


def spoiled(file: Path) -> None:
    packed = gzip.compress(file.read_bytes())
    file.unlink()
    file.with_name(f"{file.name}.gz").write_bytes(packed[: len(packed) // 2])


@pytest.mark.parametrize("case", WRONG_DUMPS)
def test_a_dump_that_is_damaged_says_what_is_wrong(case: str, tmp_path: Path) -> None:
    dump = dumped(tmp_path / "dump", "a01_customers_clean")
    spoil, expected = WRONG_DUMPS[case]
    spoil(dump)
    with pytest.raises(WrongUse, match=expected):
        load(tmp_path / "data", str(dump))


#: a line -> the damaged one, and the reason
DAMAGED_LINES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut off": (lambda whole: whole[:-20], "not JSON"),
    "another text": (lambda _: b"<<<<<<< HEAD", "not JSON"),
    "no document": (lambda _: b"[1]", "expected a document"),
}


@pytest.mark.parametrize("collection", ["attribute", "operation", "executionPlan", "progress"])
@pytest.mark.parametrize("damage", DAMAGED_LINES)
def test_a_damaged_line_of_a_dump_is_named_and_the_rest_is_loaded(damage: str, collection: str, tmp_path: Path) -> None:
    cases = ("a01_customers_clean", "b01_category_revenue")
    plans, events = recorded_spline(*cases)
    dump = dumped(tmp_path / "dump", *cases)
    file = one_of(dump, collection)
    lines = file.read_bytes().splitlines()
    spoil, reason = DAMAGED_LINES[damage]
    lines[0] = spoil(lines[0])
    file.write_bytes(b"\n".join(lines))
    loaded = load(tmp_path / "data", str(dump))
    assert loaded.refused[0]["place"] == f"{file}:1"
    assert loaded.refused[0]["reason"].startswith(reason)
    of_events = collection == "progress"
    assert loaded.plans == len(plans) - (not of_events)
    assert loaded.events == len(events) - of_events


def test_the_command_names_what_was_refused(tmp_path: Path) -> None:
    dump = dumped(tmp_path / "dump", "a01_customers_clean", "b01_category_revenue")
    operations = one_of(dump, "operation")
    kept = [text for text in operations.read_text().splitlines() if '"type": "Write"' not in text]
    writes = [text for text in operations.read_text().splitlines() if '"type": "Write"' in text]
    operations.write_text("\n".join([*kept, *writes[1:]]) + "\n")
    shown = headwater("load", dump, "--data", tmp_path / "data", "--json")
    tally = json.loads(shown.stdout)
    assert shown.returncode == 1
    assert tally["plans"] == 1
    (refused,) = tally["refused"]
    assert refused["place"].startswith(f"{dump}, plans:")
    assert "$.operations" in refused["reason"]


# Marquez --------------------------------------------------------------------------------------------------------------


def marquez_events() -> list[dict[str, Any]]:
    sent = [json.loads(body) for case in ("a01_customers_clean", "x01_dbt_build") for body in openlineage.bodies(case)]
    return sorted(sent, key=lambda event: event["eventTime"])


class Marquez(BaseHTTPRequestHandler):
    """Its API's pages of events."""

    events: list[dict[str, Any]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        known = url.path == "/api/v1/events/lineage" and asked["sortDirection"] == "asc" and asked["before"]
        begin = int(asked.get("offset", 0))
        page = {"events": self.events[begin : begin + int(asked.get("limit", 100))], "totalCount": len(self.events)}
        body = json.dumps(page if known else {}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def marquez() -> Iterator[str]:
    Marquez.events = marquez_events() * 2  # more than a page
    server = ThreadingHTTPServer(("127.0.0.1", 0), Marquez)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"marquez+http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_events_of_a_running_marquez_page_by_page(tmp_path: Path, marquez: str) -> None:
    loaded = load(tmp_path / "data", marquez)
    assert (loaded.events, loaded.known, loaded.refused) == (len(marquez_events()), len(marquez_events()), [])
    assert load(tmp_path / "data", f"{marquez}/").events == 0
    assert "dbt/model.shop.mart_customers" in {
        f"{row['namespace']}/{row['name']}" for row in ask(tmp_path / "data", "jobs")
    }


@pytest.mark.parametrize(
    ("place", "error", "said"),
    [
        ("marquez+http://127.0.0.1:9", Unreachable, "cannot be reached"),
        ("marquez+http://", WrongUse, "marquez.http://HOST:PORT"),
        ("kafka://HOST:9092", WrongUse, "kafka://HOST:PORT/TOPIC"),
        ("kafka://127.0.0.1:9/t", Unreachable, "127.0.0.1:9"),
    ],
)
def test_a_place_that_cannot_be_read_says_so(tmp_path: Path, place: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        load(tmp_path / "data", place)


def pg_dump(rows: list[dict[str, Any]]) -> str:
    """The table as `pg_dump --table=lineage_events` writes it."""
    text = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n"
    text += "CREATE TABLE public.lineage_events (\n    event_time timestamp with time zone NOT NULL\n);\n\n"
    text += "COPY public.lineage_events (event_time, event_type, event, run_uuid, job_name) FROM stdin;\n"
    for event in rows:
        escaped = json.dumps(event).replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        text += f"{event['eventTime']}\t{event['eventType']}\t{escaped}\t\\N\t{event['job']['name']}\n"
    return text + "\\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n"


@pytest.mark.parametrize("packed", [False, True])
def test_the_events_of_a_dump_of_marquezs_database(tmp_path: Path, *, packed: bool) -> None:
    events = marquez_events()
    events[0]["run"]["facets"]["note"] = {
        "text": 'a "quote", a \\ and\na line\tend',
        "_producer": "x",
        "_schemaURL": "x",
    }
    file = tmp_path / ("marquez.sql.gz" if packed else "marquez.sql")
    text = pg_dump(events).encode()
    file.write_bytes(gzip.compress(text) if packed else text)
    loaded = load(tmp_path / "data", str(file))
    assert (loaded.events, loaded.refused) == (len(events), [])
    assert load(tmp_path / "data", str(file)).known == len(events)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PGDMP\x01\x02", "--format=plain"),
        ("--\n-- PostgreSQL database dump\n--\n", "no rows of the table lineage_events"),
        ("select 1;\n", "expected is the SQL of `pg_dump --format=plain --table=lineage_events marquez`"),
        (pg_dump([]).replace(" event,", " body,"), "no column event"),
    ],
)
def test_another_dump_says_what_is_missing(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(WrongUse, match=said):
        load(tmp_path / "data", str(tmp_path / "x.sql"))


def test_a_dump_without_its_first_comment(tmp_path: Path) -> None:
    text = pg_dump(marquez_events())
    (tmp_path / "x.sql").write_text(text[text.index("COPY ") :])
    assert load(tmp_path / "data", str(tmp_path / "x.sql")).events == len(marquez_events())


#: a dump -> a damaged one, how many events are lost, and what is said
CUT_DUMPS: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "in a row": (lambda text: text[: text.index(rb"\.") - 50], 1, "the dump ends in the middle of this row"),
    "behind a row": (lambda text: text[: text.index(rb"\.")], 0, r"its last line, \., is missing"),
    "in its last line": (lambda text: text[: text.index(rb"\.") + 1], 0, "the dump ends in the middle"),
    "a row is half a row": (
        lambda text: text.replace(b"\t\\N\t", b"\t", 1),
        1,
        "no row of the table lineage_events: 4 fields, 5 are expected",
    ),
    "an event is no JSON": (lambda text: text.replace(b"\t{", b"\t{{", 1), 1, "event is not JSON"),
}


@pytest.mark.parametrize("case", CUT_DUMPS)
def test_a_dump_that_is_damaged_is_loaded_as_far_as_it_is_whole(case: str, tmp_path: Path) -> None:
    events = marquez_events()
    spoil, lost, said = CUT_DUMPS[case]
    whole = pg_dump(events).encode()
    (tmp_path / "x.sql").write_bytes(spoil(whole))
    loaded = load(tmp_path / "data", str(tmp_path / "x.sql"))
    (refused,) = loaded.refused
    assert loaded.events == len(events) - lost
    begin = whole[: whole.index(b"FROM stdin;")].count(b"\n") + 1
    line = begin + (1 if "half" in case or "JSON" in case else len(events) + ("last" in case))
    assert refused["place"] == f"{tmp_path / 'x.sql'}:{line}"
    assert said in refused["reason"]


def test_the_command_loads_a_folder_with_dumps_and_says_what_was_cut_off(tmp_path: Path) -> None:
    whole = pg_dump(marquez_events()).encode()
    place = tmp_path / "in"
    place.mkdir()
    (place / "cut.sql.gz").write_bytes(gzip.compress(whole)[:-2_000])
    (place / "marquez.sql").write_bytes(whole)
    (place / "query.sql").write_text("select 1;\n")
    shown = headwater("load", place, "--data", tmp_path / "data", "--json")
    tally = json.loads(shown.stdout)
    assert (shown.returncode, tally["events"]) == (1, len(marquez_events()))
    (refused,) = tally["refused"]
    assert refused["place"].startswith(f"{place / 'cut.sql.gz'}:")
    assert refused["reason"].startswith("the dump ends in the middle after this line, which is damaged gzip")


def test_a_folder_with_nothing_to_load_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shown = headwater("load", tmp_path / "in", "--data", tmp_path / "data")
    assert f"there is nothing to load in {tmp_path / 'in'}" in shown.stderr


# Kafka ----------------------------------------------------------------------------------------------------------------


class Message(NamedTuple):
    offset: int
    value: bytes | None


class Consumer:
    """A topic of two partitions in memory, asked as kafka-python's consumer is."""

    def __init__(self, partitions: list[list[bytes | None]], **settings: Any) -> None:
        self.settings = settings
        self.closed = False
        self._messages = [[Message(10 + n, value) for n, value in enumerate(values)] for values in partitions]
        self._next = [10] * len(partitions)

    def partitions_for_topic(self, name: str) -> set[int] | None:
        return set(range(len(self._messages))) if name == "lineage" else None

    def assign(self, parts: list[Any]) -> None:
        self._parts = parts

    def beginning_offsets(self, parts: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(parts, 10)

    def end_offsets(self, parts: list[Any]) -> dict[Any, int]:
        return {part: 10 + len(self._messages[part.partition]) for part in parts}

    def seek(self, part: Any, offset: int) -> None:
        self._next[part.partition] = offset

    def position(self, part: Any) -> int:
        return int(self._next[part.partition])

    def poll(self, timeout_ms: int) -> dict[Any, list[Message]]:
        assert timeout_ms
        found = {}
        for part in self._parts:
            place = self._next[part.partition] - 10
            if some := self._messages[part.partition][place : place + 3]:
                found[part] = some
                self._next[part.partition] += len(some)
        return found

    def close(self) -> None:
        self.closed = True


def spline_messages() -> list[bytes]:
    plans, events = recorded_spline("l01_stage_customers", "l02_stage_orders")
    return [json.dumps(one, indent=1).encode() for one in (*plans, *events)]


def test_all_messages_of_a_topic_are_loaded_and_nothing_is_committed(tmp_path: Path) -> None:
    messages = spline_messages()
    made: list[Consumer] = []

    def connect(**settings: Any) -> Consumer:
        made.append(Consumer([[*messages[::2]], [None, *messages[1::2]]], **settings))
        return made[-1]

    topic = Topic.of("kafka://ann:s%40cret@b1:9093,b2/lineage")
    (tmp_path / "copies").mkdir()
    files = topic.copy(tmp_path / "copies", quiet, connect=connect)
    with Service.open(tmp_path / "data") as service:
        loaded = into(service, files, quiet)
    assert (loaded.plans + loaded.events, loaded.refused) == (len(messages), [])
    (consumer,) = made
    assert consumer.closed
    assert consumer.settings["bootstrap_servers"] == ["b1:9093", "b2:9092"]
    assert (consumer.settings["enable_auto_commit"], consumer.settings["group_id"]) == (False, None)
    assert consumer.settings["sasl_plain_password"] == "s@cret"
    with pytest.raises(WrongUse, match="no topic other"):
        Topic.of("kafka://b1/other").copy(tmp_path / "copies", quiet, connect=connect)


def test_messages_that_kcat_exported(tmp_path: Path) -> None:
    messages = spline_messages()
    file = tmp_path / "messages.jsonl"
    headers = ["ABSA-Spline-API-Version", "1.2"]
    exported = [
        {
            "topic": "lineage",
            "partition": 0,
            "offset": n,
            "ts": 1,
            "headers": headers,
            "key": "k",
            "payload": one.decode(),
        }
        for n, one in enumerate(messages)
    ]
    file.write_text("".join(f"{json.dumps(one)}\n" for one in exported))
    loaded = load(tmp_path / "data", str(file))
    assert (loaded.plans + loaded.events, loaded.refused) == (len(messages), [])
    plain = tmp_path / "plain.jsonl"
    plain.write_bytes(b"".join(map(line, messages)))
    assert load(tmp_path / "other", str(plain)).plans == loaded.plans


# catalogs -------------------------------------------------------------------------------------------------------------


def urn(name: str, platform: str = "s3") -> str:
    return f"urn:li:dataset:(urn:li:dataPlatform:{platform},{name},PROD)"


def field(dataset: str, path: str) -> str:
    return f"urn:li:schemaField:({dataset},{path})"


MART, RAW, ORDERS = urn("lake/mart"), urn("lake/raw"), urn("shop.public.orders", "postgres")
UPSTREAM = {
    "upstreams": [
        {
            "auditStamp": {"time": 1_795_000_000_000, "actor": "urn:li:corpuser:x"},
            "dataset": RAW,
            "type": "TRANSFORMED",
        },
        {"auditStamp": {"time": 0, "actor": "urn:li:corpuser:x"}, "dataset": ORDERS, "type": "COPY"},
    ],
    "fineGrainedLineages": [
        {
            "upstreamType": "FIELD_SET",
            "upstreams": [field(RAW, "amount"), field(ORDERS, "[version=2.0].[type=struct].[type=double].rate")],
            "downstreamType": "FIELD",
            "downstreams": [field(MART, "total")],
        }
    ],
}
SCHEMA = {"fields": [{"fieldPath": "total", "nativeDataType": "double", "description": "in EUR"}, {"fieldPath": "day"}]}
OWNERS = {"owners": [{"owner": "urn:li:corpGroup:sales", "type": "DATAOWNER"}]}


def proposal(name: str, aspect: Any, entity: str = MART) -> dict[str, Any]:
    observed = {"lastObserved": 1_796_000_000_000, "runId": "file"}
    kind = "dataset" if "dataset:" in entity else "dataJob"
    about = {"entityType": kind, "entityUrn": entity, "changeType": "UPSERT", "aspectName": name}
    return {**about, "aspect": aspect, "systemMetadata": observed}


DATAHUB = {
    "single aspects": [
        proposal("upstreamLineage", {"json": UPSTREAM}),
        proposal("schemaMetadata", {"json": SCHEMA}),
        proposal("ownership", {"value": json.dumps(OWNERS), "contentType": "application/json"}),
        proposal("globalTags", {"json": {"tags": [{"tag": "urn:li:tag:pii"}]}}),
        proposal("browsePathsV2", {"json": {"path": []}}),
        {"entityType": "container", "entityUrn": "urn:li:container:1", "aspectName": "status", "aspect": {"json": {}}},
    ],
    "snapshots": [
        {
            "proposedSnapshot": {
                "com.linkedin.pegasus2avro.metadata.snapshot.DatasetSnapshot": {
                    "urn": MART,
                    "aspects": [
                        {"com.linkedin.pegasus2avro.dataset.UpstreamLineage": UPSTREAM},
                        {"com.linkedin.pegasus2avro.schema.SchemaMetadata": SCHEMA},
                        {"com.linkedin.pegasus2avro.common.Ownership": OWNERS},
                        {"com.linkedin.pegasus2avro.common.GlobalTags": {"tags": [{"tag": "urn:li:tag:pii"}]}},
                    ],
                }
            }
        }
    ],
}


@pytest.mark.parametrize("form", DATAHUB)
def test_an_export_of_datahub(form: str, tmp_path: Path) -> None:
    file = tmp_path / "datahub.json"
    file.write_text(json.dumps(DATAHUB[form]))
    data = tmp_path / "data"
    loaded = load(data, str(file))
    assert loaded.refused == []
    assert upstream(data, "s3://lake/mart#total") == {
        "s3://lake/raw#amount",
        "datahub://postgres/shop.public.orders#rate",
    }
    types = {row["name"]: (row["type"], row["description"]) for row in ask(data, "columns", dataset="s3://lake/mart")}
    assert types["total"] == ("double", "in EUR")
    assert {row["tag"] for row in ask(data, "tags", node="s3://lake/mart")} == {"owner=sales", "pii"}
    again = load(data, str(file))
    assert (again.events, again.known) == (0, loaded.events)


def test_a_job_of_datahub_has_its_inputs_and_outputs(tmp_path: Path) -> None:
    task = "urn:li:dataJob:(urn:li:dataFlow:(airflow,nightly,PROD),load)"
    aspect = {
        "inputDatasets": [RAW],
        "outputDatasetEdges": [{"destinationUrn": MART}],
        "fineGrainedLineages": UPSTREAM["fineGrainedLineages"],
    }
    (tmp_path / "datahub.json").write_text(json.dumps([proposal("dataJobInputOutput", {"json": aspect}, task)]))
    load(tmp_path / "data", str(tmp_path / "datahub.json"))
    assert "s3://lake/raw#amount" in upstream(tmp_path / "data", "s3://lake/mart#total")
    assert {row["id"] for row in ask(tmp_path / "data", "jobs")} == {"job:airflow/nightly.load"}


def openmetadata() -> dict[str, Any]:
    def entity(number: int, name: str) -> dict[str, Any]:
        return {"id": f"id-{number}", "type": "table", "name": name.rpartition(".")[2], "fullyQualifiedName": name}

    details = {
        "sqlQuery": "insert into mart select sum(amount) from raw",
        "columnsLineage": [
            {
                "fromColumns": ["pg.shop.public.raw.amount"],
                "toColumn": "pg.shop.public.mart.total",
                "function": "sum(amount)",
            }
        ],
        "pipeline": {"id": "p", "type": "pipeline", "fullyQualifiedName": "airflow.nightly"},
    }
    return {
        "entity": entity(1, "pg.shop.public.mart"),
        "nodes": [entity(2, "pg.shop.public.raw"), entity(3, "bi.shop.public.report")],
        "upstreamEdges": [{"fromEntity": "id-2", "toEntity": "id-1", "lineageDetails": details}],
        "downstreamEdges": [{"fromEntity": {"id": "id-1", "type": "table"}, "toEntity": "id-3"}],
    }


def test_an_answer_of_openmetadata_about_lineage(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "mart.json"
    file.write_text(json.dumps(openmetadata()))
    loaded = load(data, str(file))
    assert (loaded.events, loaded.refused) == (2, [])
    assert upstream(data, "openmetadata://pg/shop.public.mart#total") == {"openmetadata://pg/shop.public.raw#amount"}
    assert upstream(data, "openmetadata://bi/shop.public.report") >= {"openmetadata://pg/shop.public.mart"}
    assert load(data, str(file)).events == 0


WRONG_EXPORTS: list[tuple[Any, str]] = [
    ({**openmetadata(), "nodes": []}, "$.upstreamEdges[0].fromEntity"),
    ([proposal("upstreamLineage", {"value": "{no"})], "$[0].aspect.value"),
    ([proposal("upstreamLineage", 3)], "$[0].aspect"),
    ([{"proposedSnapshot": {"x": {}}}], "$[0]"),
]


@pytest.mark.parametrize(("document", "place"), WRONG_EXPORTS)
def test_an_export_that_is_damaged_names_the_field(document: Any, place: str, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps(document))
    (refused,) = load(tmp_path / "data", str(tmp_path / "export.json")).refused
    assert place in refused["reason"]


def test_folders_of_payloads_are_no_dumps() -> None:
    assert copy_of(str(PAYLOADS / "a01_customers_clean")) is None
    assert copy_of(str(PAYLOADS / "a01_customers_clean" / "002-plan.json")) is None
