"""Tokens and folders bound to an account: two accounts with the same job have two, and neither can be another."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from headwater.graphmodel.statements.model import Snapshot
from headwater.ingest.folder.service import Service
from headwater.ingest.http.auth import Access
from headwater.ingest.http.receiver import Settings, create_app
from headwater.ingest.http.tokens import TokenStore
from headwater.ingest.inbox.reading import InboxReader, Waiting
from headwater.ingest.inbox.writing import InboxWriter
from headwater.ingest.intake.body import InvalidBody
from headwater.ingest.intake.bridge import DecodeError, Receipt
from headwater.ingest.intake.envelope import file_of
from headwater.ingest.intake.loading import Found, NotAPayload, read_opened
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.intake.spline import EVENTS, PLANS
from headwater.ingest.ledger.ledger import NewEntry
from headwater.ingest.places.file_storage import LocalFolder
from headwater.loading import into
from tests.acceptance.door import headwater, serving
from tests.golden import openlineage
from tests.golden.recorded import payloads

OWN, OTHER = "123456789012", "210987654321"
(PLAN, EVENT) = payloads("l01_stage_customers")
BODIES = openlineage.bodies("l03_mart_customer_orders")
NOON = 1_772_366_400_000


def entries(account: str | None) -> list[NewEntry]:
    receipt = Receipt("glue", NOON, account=account)
    spline = [*PLANS.accept(PLAN.content_type, PLAN.body, receipt).entries]
    spline += EVENTS.accept(EVENT.content_type, EVENT.body, receipt).entries
    return [*spline, *(one for body in BODIES for one in OPENLINEAGE.accept("application/json", body, receipt).entries)]


def graph(folder: Path, appended: Sequence[NewEntry]) -> dict[str, list[str]]:
    """The ids of jobs, plans, runs and datasets."""
    with Service.open(folder) as service:
        service.ledger.append(list(appended))
        service.catch_up()
        g = service.store.g
        return {
            label: sorted(map(str, g.V().has_label(label).id_().to_list()))
            for label in ("job", "plan", "run", "dataset", "column")
        }


def test_the_same_payloads_for_two_accounts_are_two_jobs_and_the_same_datasets(tmp_path: Path) -> None:
    alone = graph(tmp_path / "alone", entries(None))
    all_three = [*entries(None), *entries(OWN), *entries("team-checkout")]
    found = graph(tmp_path / "three", all_three)
    assert found["dataset"] == alone["dataset"]
    assert found["column"] == alone["column"]
    names = [job.removeprefix("job:") for job in alone["job"]]
    assert names
    assert found["job"] == sorted(f"job:{at}{name}" for name in names for at in ("", f"{OWN}/", "team-checkout/"))
    assert set(alone["plan"]) < set(found["plan"])
    for label in ("plan", "run"):
        assert len(found[label]) == 3 * len(alone[label])
    shuffled = [*all_three, *entries(OWN)]
    random.Random(7).shuffle(shuffled)
    assert graph(tmp_path / "shuffled", shuffled) == found


@pytest.mark.parametrize(
    ("bridge", "body", "place"),
    [
        (PLANS, {"extraInfo": {"spark.glue.accountId": OTHER}}, 'extraInfo["spark.glue.accountId"]'),
        (PLANS, {"extraInfo": {"jobNamespace": f"{OTHER}/glue"}}, "extraInfo.jobNamespace"),
        (PLANS, {"labels": {"namespace": ["x", f"arn:aws:glue:eu-west-1:{OTHER}"]}}, "labels.namespace"),
        (OPENLINEAGE, {"job": {"namespace": f"sagemaker://{OTHER}.eu-west-1", "name": "j"}}, "job.namespace"),
    ],
)
def test_a_payload_of_another_account_is_refused_and_names_the_field(bridge: Any, body: Any, place: str) -> None:
    sent = {**json.loads(PLAN.body if bridge is PLANS else BODIES[0]), **body}
    content_type = PLAN.content_type if bridge is PLANS else "application/json"
    with pytest.raises(InvalidBody) as refused:
        bridge.accept(content_type, json.dumps(sent).encode(), Receipt("glue", NOON, account=OWN))
    assert refused.value.status == 403
    assert refused.value.sentence.startswith(f"$.{place}: it is of the account {OTHER}")
    for account in (None, OTHER, "team-checkout"):
        assert bridge.accept(content_type, json.dumps(sent).encode(), Receipt("glue", NOON, account=account)).entries


def test_a_batch_takes_what_is_of_the_account(tmp_path: Path) -> None:
    event = json.loads(BODIES[0])
    batch = [event, {**event, "job": {"namespace": f"{OTHER}/glue", "name": "j"}}]
    assert OPENLINEAGE.accept_batch is not None
    taken = OPENLINEAGE.accept_batch("application/json", json.dumps(batch).encode(), Receipt("x", NOON, account=OWN))
    assert isinstance(taken.answer, dict)
    assert [one["index"] for one in taken.answer["failed_events"]] == [1]
    assert [one.content_type for one in taken.entries] == [f"application/json; account={OWN}"]


def test_what_a_job_event_states_is_of_the_accounts_job() -> None:
    document = {
        "eventTime": "2026-03-01T12:00:00Z",
        "job": {"namespace": "dbt", "name": "orders", "facets": {"documentation": {"description": "all orders"}}},
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
    }
    (entry,) = OPENLINEAGE.accept("application/json", json.dumps(document).encode(), Receipt("x", account=OWN)).entries
    decoded = OPENLINEAGE.decode(entry.body, entry.content_type)
    (said,) = decoded.statements
    assert isinstance(said, Snapshot)
    assert [one.subject for one in said.statements] == [f"job:{OWN}/dbt/orders"]
    assert decoded.part is not None
    assert decoded.part.group == f"job:dbt orders@{OWN}"


def test_an_entry_with_a_damaged_account_is_set_aside(tmp_path: Path) -> None:
    (entry,) = PLANS.accept(PLAN.content_type, PLAN.body, Receipt("glue", NOON)).entries
    with pytest.raises((DecodeError, ValueError), match="account"):
        PLANS.decode(entry.body, f"{entry.content_type}; account=A B")


async def test_the_token_decides_and_not_the_header(tmp_path: Path) -> None:
    tokens, inbox = TokenStore(tmp_path / "data"), LocalFolder(tmp_path / "inbox")
    bound, free = tokens.add(["write"], "glue-prod", account=OWN), tokens.add(["write"], "glue")
    app = create_app(InboxWriter(inbox, lambda: NOON), settings=Settings(access=Access(tokens, required=True)))
    async with TestClient(TestServer(app, skip_url_asserts=True)) as client:
        for token in (free, bound, bound):
            headers = {"Authorization": f"Bearer {token}", "Content-Type": f"{PLAN.content_type}; account={OTHER}"}
            answer = await client.post("/producer/execution-plans", data=PLAN.body, headers=headers)
            assert (answer.status, await answer.json()) == (201, json.loads(PLAN.body)["id"])
        plan = {**json.loads(PLAN.body), "extraInfo": {"spark.glue.accountId": OTHER}}
        headers = {"Authorization": f"Bearer {bound}", "Content-Type": PLAN.content_type}
        answer = await client.post("/producer/execution-plans", json=plan, headers=headers)
        assert (answer.status, OTHER in await answer.text()) == (403, True)
    assert sorted(entry.content_type for entry in kept(inbox)) == [
        PLAN.content_type,
        f"{PLAN.content_type}; account={OWN}",
    ]


def kept(inbox: LocalFolder) -> list[NewEntry]:
    found: list[NewEntry] = []
    for name in inbox.names():
        for item in read_opened(Path(name), io.BytesIO(inbox.read(name)), asked=True):
            assert isinstance(item, Found)
            found += item.accepted(Receipt("load", 0))
    return found


def test_a_folder_of_an_inbox_binds_what_lies_in_it(tmp_path: Path) -> None:
    inbox = LocalFolder(tmp_path)
    writer = InboxWriter(inbox, lambda: NOON)
    by_account = {
        account: writer.put(PLANS.accept(PLAN.content_type, PLAN.body, Receipt("x", account=account)).entries[0])
        for account in (None, OWN, OTHER)
    }
    names = [name for account, name in by_account.items() if account != OTHER]
    names += [f"account={OWN}/{name}" for name in ("plan.json", "free.json.gz", "other.json.gz")]
    names.append("account=A B/x.json")
    inbox.write(names[2], PLAN.body)
    inbox.write(names[3], inbox.read(by_account[None]))
    inbox.write(names[4], inbox.read(by_account[OTHER]))
    inbox.write(names[5], PLAN.body)
    reader = InboxReader(inbox)
    read = {one.file.name: one for one in reader.read([Waiting(name) for name in names])}
    reader.close()
    types = [[entry.content_type for entry in read[name].entries] for name in names]
    bound = f"{PLAN.content_type}; account={OWN}"
    assert types == [[PLAN.content_type], [bound], [bound], [bound], [], []]
    assert OTHER in read[names[4]].reasons[0]
    assert "names no account" in read[names[5]].reasons[0]
    with Service.open(tmp_path / "data") as service:
        loaded = into(service, [tmp_path / Path(name).parts[0] for name in names[:2]] + [tmp_path], lambda *_: None)
        stored = {entry.content_type for entry in service.ledger.read(0, 100)}
    assert stored == {PLAN.content_type, bound, f"{PLAN.content_type}; account={OTHER}"}
    assert len(loaded.refused) == 2


def test_an_envelope_with_a_damaged_account_is_no_payload() -> None:
    document = {"headwaterInbox": 1, "kind": "spline.plan", "contentType": f"{PLAN.content_type}; account=A B"}
    body = json.loads(PLAN.body)
    (entry,) = PLANS.accept(PLAN.content_type, json.dumps(body).encode(), Receipt("x")).entries
    envelope = {**json.loads(gzip.decompress(file_of(entry, NOON)[1])), **document}
    (item,) = read_opened(Path("x.json"), io.BytesIO(json.dumps(envelope).encode()), asked=True)
    assert isinstance(item, NotAPayload)
    assert item.reason.startswith("contentType: expected an account")


def test_what_is_loaded_can_be_of_an_account(tmp_path: Path) -> None:
    """Files without one, such as a spool; what says that it is of another account is refused, not renamed."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "plan.json").write_bytes(PLAN.body)
    other = {**json.loads(PLAN.body), "extraInfo": {"spark.glue.accountId": OTHER}}
    (tmp_path / "in" / "other.json").write_text(json.dumps(other))
    folder = tmp_path / "data"
    loaded = headwater("load", tmp_path / "in", "--account", OWN, "--data", folder, "--json")
    told = json.loads(loaded.stdout)
    assert (loaded.returncode, told["plans"], [Path(one["place"]).name for one in told["refused"]]) == (
        1,
        1,
        ["other.json"],
    )
    with Service.open(folder) as service:
        assert [entry.content_type for entry in service.ledger.read(0, 9)] == [f"{PLAN.content_type}; account={OWN}"]
    wrong = headwater("load", tmp_path / "in", "--account", "A B", "--data", folder)
    assert (wrong.returncode, "12 digits" in wrong.stderr) == (2, True)
    with serving(folder) as server:
        refused = headwater("load", tmp_path / "in", "--account", OWN, "--server", server.url)
    assert (refused.returncode, "the token alone" in refused.stderr) == (2, True)
