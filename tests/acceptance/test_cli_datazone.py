"""`headwater datazone sync` as a person types it, against a domain on loopback that botocore's model checks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from headwater.cli import run
from headwater.cli.common import asking
from tests.acceptance.documented import commands
from tests.acceptance.door import ROOT
from tests.acceptance.loopback import QuietHandler, served

DOMAIN, REGION = "dzd_4p9n6sw4qt9xgn", "eu-west-1"
ARN = f"arn:aws:glue:{REGION}:123456789012:table/sales/orders"
PLACE = "s3://lake/mart/orders"
SHOP, HIDDEN = "projectshop", "projecthidden"
MODEL = ServiceModel(Loader().load_service_model("datazone", "service-2"), "datazone")
#: By the form of a path: the operation, and the names of its parts.
ROUTES = {
    rf"/v2/domains/{DOMAIN}/search": ("Search", ()),
    rf"/v2/domains/{DOMAIN}/assets/([^/]+)": ("GetAsset", ("identifier",)),
    rf"/v2/domains/{DOMAIN}/projects/([^/]+)": ("GetProject", ("identifier",)),
}


def form(name: str, content: Any) -> dict[str, str]:
    return {"formName": name, "content": content if isinstance(content, str) else json.dumps(content)}


def asset(identifier: str, name: str, *forms: dict[str, str], project: str = SHOP, **more: Any) -> dict[str, Any]:
    told = {"domainId": DOMAIN, "identifier": identifier, "name": name, "owningProjectId": project}
    told |= {"typeIdentifier": "amazon.datazone.GlueTableAssetType", "typeRevision": "1", **more}
    return {**told, **({"additionalAttributes": {"formsOutput": list(forms)}} if forms else {})}


def term(identifier: str, name: str, **more: Any) -> dict[str, Any]:
    return {"domainId": DOMAIN, "glossaryId": "glossary1", "id": identifier, "name": name, "status": "ENABLED", **more}


COLUMNS = {
    "columnsBusinessMetadata": [
        {"columnIdentifier": "email", "name": "E-mail", "description": "of the buyer", "glossaryTerms": ["term1"]},
        {"columnIdentifier": "total", "glossaryTerms": [{"id": "term2", "name": "Revenue"}]},
    ]
}
ORDERS = asset(
    "asset1orders",
    "Orders of the shop",
    form("GlueTableForm", {"tableArn": ARN, "tableName": "orders"}),
    form("ColumnBusinessMetadataForm", COLUMNS),
    form("NoJson", "{"),
    description="one row an order",
    glossaryTerms=["term2", "term3", "gone"],
)


class Service:
    """The domain. `fails`: operation -> codes of errors that its next calls get."""

    def __init__(self) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {
            "GLOSSARY": [
                {"domainId": DOMAIN, "id": "glossary1", "name": "Shop", "owningProjectId": SHOP, "status": "ENABLED"}
            ],
            "GLOSSARY_TERM": [
                term("term1", "Personal data", shortDescription="about a person"),
                term("term2", "Revenue"),
                term("term3", "Old", status="DISABLED"),
            ],
            "ASSET": [ORDERS],
        }
        self.alone: dict[str, list[dict[str, str]]] = {}  # forms that only GetAsset tells
        self.projects = {SHOP: "Shop team"}
        self.fails: dict[str, list[str]] = {}

    def search(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One item a page."""
        scope, start = asked["searchScope"], int(asked.get("nextToken", "0"))
        key = {"ASSET": "assetItem", "GLOSSARY": "glossaryItem", "GLOSSARY_TERM": "glossaryTermItem"}[scope]
        more = {"nextToken": str(start + 1)} if start + 1 < len(self.items[scope]) else {}
        return {"items": [{key: one} for one in self.items[scope][start : start + 1]], **more}

    def get_asset(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = next(one for one in self.items["ASSET"] if one["identifier"] == asked["identifier"])
        told = {name: value for name, value in found.items() if name != "identifier"}
        return {**told, "id": asked["identifier"], "revision": "1", "formsOutput": self.alone[asked["identifier"]]}

    def get_project(self, asked: dict[str, Any]) -> dict[str, Any]:
        identifier = asked["identifier"]
        return {"domainId": DOMAIN, "id": identifier, "name": self.projects[identifier], "createdBy": "somebody"}


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    service = Service()
    answers = {"Search": service.search, "GetAsset": service.get_asset, "GetProject": service.get_project}

    class Handler(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - the base class's name
            self.answer({})

        def do_POST(self) -> None:  # noqa: N802 - the base class's name
            self.answer(json.loads(self.body()))

        def answer(self, asked: dict[str, Any]) -> None:
            path = urlsplit(self.path)
            operation, values = next(
                (operation, dict(zip(names, map(unquote, found.groups()), strict=True)))
                for route, (operation, names) in ROUTES.items()
                if (found := re.fullmatch(route, path.path))
            )
            asked = {"domainIdentifier": DOMAIN, **values, **dict(parse_qsl(path.query)), **asked}
            if service.fails.get(operation):
                code = service.fails[operation].pop(0)
                status = {"ThrottlingException": 429, "AccessDeniedException": 403}[code]
                self.send_response(status)
                self.send_header("x-amzn-ErrorType", code)
                said = json.dumps({"message": "because"}).encode()
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)
                return
            model = MODEL.operation_model(operation)
            answer = answers[operation](asked)
            for told, shape in ((asked, model.input_shape), (answer, model.output_shape)):
                report = ParamValidator().validate(told, shape)
                assert not report.has_errors(), report.generate_report()
            self.send(200, json.dumps(answer).encode())

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "dummy")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with served(Handler) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DATAZONE", url)
        yield service


Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(domain: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command on the data folder: its exit code, and what it says as JSON, else its message."""

    def called(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run([*arguments, "--data", str(tmp_path / "data"), "--json"])
        told = capsys.readouterr()
        return code, json.loads(told.out) if told.out else told.err

    return called


def sync(call: Command, *more: str) -> tuple[int, Any]:
    return call("datazone", "sync", DOMAIN, "--region", REGION, *more)


def told(call: Command) -> list[dict[str, Any]]:
    """The facts of the table and its columns."""
    rows: list[dict[str, Any]] = call("query", "facts", "node=sales.orders")[1]["rows"]
    return rows


@pytest.fixture
def table(tmp_path: Path) -> None:
    """What the Glue Data Catalog lists: where the table of the ARN lies."""
    columns = [{"name": name} for name in ("email", "total")]
    value = {"columns": columns, "names": ["sales.orders", ARN]}
    listed = {"kind": "dataset", "subject": PLACE, "name": "sales.orders", "value": value}
    with asking(tmp_path / "data", None, None, create=True) as source:
        source.keep_snapshot({"source": "glue", "scope": "sales", "statements": [listed]})


@pytest.mark.usefixtures("table")
def test_names_terms_and_owners_are_those_of_the_table_and_its_columns(call: Command) -> None:
    code, said = sync(call)
    assert (code, said["assets"], said["columns"], said["terms"], said["projects"]) == (0, 1, 2, 2, 1)
    assert [(row["scope"], row["outcome"]) for row in said["rows"]] == [(DOMAIN, "sent")]
    tags = sorted((row["node"], row["tag"]) for row in call("query", "tags", "node=sales.orders")[1]["rows"])
    assert tags == [
        (PLACE, "owner=Shop team"),
        (PLACE, "term=Shop/Revenue"),
        (f"{PLACE}#email", "term=Shop/Personal data"),
        (f"{PLACE}#total", "term=Shop/Revenue"),
    ]
    facts = {row["key"]: row["value"] for row in told(call) if row["node"] == PLACE}
    assert (facts["businessName"], facts["project"]) == ("Orders of the shop", "Shop team")
    facts = {row["key"]: row["value"] for row in told(call) if row["node"] == f"{PLACE}#email"}
    assert facts["businessName"] == "E-mail"
    assert facts["terms"] == [{"term": "Personal data", "glossary": "Shop", "description": "about a person"}]


@pytest.mark.usefixtures("table")
def test_tables_and_columns_are_found_by_their_business_names(domain: Service, call: Command) -> None:
    def found(word: str) -> list[tuple[str, str, str]]:
        return [(row["id"], row["match"], row["businessName"]) for row in call("search", word)[1]["rows"]]

    sync(call)
    assert found("orders of the SHOP") == [(PLACE, "exact", "Orders of the shop")]
    assert found("Orders of") == [(PLACE, "prefix", "Orders of the shop")]
    assert found("of the shop") == [(PLACE, "substring", "Orders of the shop")]
    assert found("e-mail") == [(f"{PLACE}#email", "exact", "E-mail")]
    domain.items["ASSET"] = [{**ORDERS, "name": "Sales of the shop"}]
    sync(call)
    assert (found("orders of"), found("sales of")) == ([], [(PLACE, "prefix", "Sales of the shop")])


@pytest.mark.usefixtures("table")
def test_what_the_page_tells_its_readers_to_type(domain: Service, call: Command) -> None:
    domain.items["GLOSSARY"][0]["name"] = "Privacy"
    typed = commands("datazone.md")
    assert [words[0] for words in typed] == ["datazone", "datazone", "search", "query"]
    for words in typed:
        code, said = call(*words)
        assert code == 0, said
        assert said["rows"], words


@pytest.mark.usefixtures("table")
def test_a_sync_without_change_sends_nothing_and_what_is_gone_is_withdrawn(domain: Service, call: Command) -> None:
    assert [row["outcome"] for row in sync(call, "--dry-run")[1]["rows"]] == ["would send"]
    sync(call)
    assert [row["outcome"] for row in sync(call)[1]["rows"]] == ["unchanged"]
    other = asset("asset2other", "Files", form("S3ObjectCollectionForm", {"bucketArn": "arn:aws:s3:::lake/files"}))
    domain.items["ASSET"] = [other, asset("asset3dashboard", "A dashboard", form("Other", {"a": 1}))]
    code, said = sync(call)
    assert (code, said["withoutPlace"], [row["outcome"] for row in said["rows"]]) == (0, ["A dashboard"], ["sent"])
    assert not said.keys() & {"formats", "views"}  # of a catalogue of tables alone
    assert (
        call("query", "tags", "node=sales.orders")[1]["rows"] == []
    )  # the table is not listed any more, nobody knows the files
    domain.items["ASSET"] = []  # not a member of any project any more
    assert sync(call)[1]["rows"] == []


@pytest.mark.usefixtures("table")
def test_an_asset_whose_forms_are_not_listed_is_asked_for(domain: Service, call: Command) -> None:
    domain.items["ASSET"] = [asset("asset1orders", "Orders", glossaryTerms=["term1"])]
    domain.alone["asset1orders"] = [form("GlueTableForm", {"tableArn": ARN})]
    code, said = sync(call)
    assert (code, said["calls"]) == (
        0,
        {"datazone:GetAsset": 1, "datazone:GetProject": 1, "datazone:Search": 5},
    )
    assert {row["tag"] for row in call("query", "tags", "node=sales.orders")[1]["rows"]} == {
        "owner=Shop team",
        "term=Shop/Personal data",
    }


def test_what_may_not_be_read_is_told_with_the_action_to_allow(domain: Service, call: Command) -> None:
    domain.fails["GetProject"] = ["AccessDeniedException"]
    code, said = sync(call)
    assert (code, said["assets"], said["projects"]) == (1, 1, 0)
    assert said["leftOut"][0].startswith(f"{SHOP}: ")
    assert "allow the action datazone:GetProject" in said["leftOut"][0]
    domain.fails["Search"] = ["AccessDeniedException"]
    code, said = sync(call)
    assert (code, "allow the action datazone:Search" in said) == (2, True)


def test_a_call_is_made_again_while_datazone_is_busy(domain: Service, call: Command) -> None:
    domain.fails["Search"] = ["ThrottlingException"]
    code, said = sync(call)
    assert (code, said["retries"], said["assets"]) == (0, 1, 1)


def test_what_is_no_domain_is_wrong_use(call: Command) -> None:
    code, said = call("datazone", "sync", "my-domain")
    assert (code, "'my-domain' is no domain of DataZone" in said) == (2, True)


def test_the_policy_in_the_documentation_allows_the_calls_that_are_made(domain: Service, call: Command) -> None:
    domain.items["ASSET"].append(asset("asset1other", "Other", project=SHOP))
    domain.alone["asset1other"] = []
    made = set(sync(call)[1]["calls"])
    page = (ROOT / "docs" / "datazone.md").read_text(encoding="utf-8")
    statements = {one["Sid"]: one for one in json.loads(page.split("```json\n")[1].split("```")[0])["Statement"]}
    assert made == set(statements["Catalogue"]["Action"])
