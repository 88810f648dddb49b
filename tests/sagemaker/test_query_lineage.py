"""QueryLineage from our graph: what boto3 asks and parses, past AWS's depth and page, into Spark's columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.acceptance.door import Server, serving
from tests.sagemaker import account as world
from tests.sagemaker import story
from tests.sagemaker.account import TRAINING_SET


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    scratch = tmp_path_factory.mktemp("story")
    with serving(story.told(scratch, scratch / "data")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Any:
    return boto3.client(
        "sagemaker",
        endpoint_url=f"{server.url}/sagemaker/query-lineage",
        region_name="eu-west-1",
        aws_access_key_id="dummy",
        aws_secret_access_key="dummy",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_from_an_endpoint_to_the_columns_of_raw_csv(client: Any) -> None:
    found = client.query_lineage(StartArns=[world.ENDPOINT], Direction="Ascendants", MaxDepth=100, MaxResults=1_000)
    kinds = {(vertex["Type"], vertex["LineageType"]) for vertex in found["Vertices"]}
    assert {
        ("Endpoint", "Artifact"),
        ("Model", "Artifact"),
        ("ModelPackage", "Artifact"),
        ("Pipeline", "TrialComponent"),
        ("SparkExecution", "Action"),
        ("DataSet", "Artifact"),
        ("Column", "Artifact"),
    } <= kinds
    arns = {vertex["Arn"] for vertex in found["Vertices"]}
    assert any(arn.endswith("lake/raw/shop/orders.csv%23amount") for arn in arns)
    assert all(edge["SourceArn"] in arns and edge["DestinationArn"] in arns for edge in found["Edges"])
    assert {edge["AssociationType"] for edge in found["Edges"]} == {
        "ContributedTo", "Produced", "DerivedFrom", "AssociatedWith",
    }  # fmt: skip
    assert "NextToken" not in found


def test_depth_counts_hops_as_aws_does(client: Any) -> None:
    found = client.query_lineage(StartArns=[world.ENDPOINT], Direction="Ascendants", MaxDepth=2)
    types = [vertex["Type"] for vertex in found["Vertices"]]
    assert types == ["Endpoint", "Endpoint", "Model"]  # the endpoint, its deployment, the model


def test_pages_have_each_vertex_and_each_edge_once(client: Any) -> None:
    asked: dict[str, Any] = {"StartArns": [world.ENDPOINT], "Direction": "Ascendants", "MaxDepth": 100}
    whole = client.query_lineage(**asked, MaxResults=1_000)
    pages = [client.query_lineage(**asked, MaxResults=7)]
    while "NextToken" in pages[-1]:
        pages.append(client.query_lineage(**asked, MaxResults=7, NextToken=pages[-1]["NextToken"]))
    assert len(pages) > 3
    assert [vertex for page in pages for vertex in page["Vertices"]] == whole["Vertices"]
    edges = [tuple(sorted(edge.items())) for page in pages for edge in page["Edges"]]
    assert sorted(edges) == sorted(tuple(sorted(edge.items())) for edge in whole["Edges"])


def test_from_a_column_of_spark_to_the_endpoint(client: Any, server: Server) -> None:
    found = client.query_lineage(
        StartArns=["s3://lake/raw/shop/orders.csv#amount"], Direction="Descendants", MaxDepth=100, MaxResults=1_000
    )
    assert world.ENDPOINT in {vertex["Arn"] for vertex in found["Vertices"]}
    again = client.query_lineage(StartArns=[found["Vertices"][0]["Arn"]], Direction="Descendants", MaxResults=1_000)
    assert again["Vertices"][0] == found["Vertices"][0]  # an ARN of ours can be asked about again


@pytest.mark.parametrize("start", [f"{world.ROOT}:artifact/train", TRAINING_SET])
def test_an_artifact_of_sagemaker_is_the_dataset_that_it_stands_for(client: Any, start: str) -> None:
    found = client.query_lineage(
        StartArns=[start], Direction="Descendants", Filters={"Types": ["Endpoint"], "LineageTypes": ["Artifact"]}
    )
    assert [vertex["Arn"] for vertex in found["Vertices"]] == [world.ENDPOINT]


def test_a_training_job_stands_for_what_it_wrote_and_edges_can_be_left_out(client: Any) -> None:
    found = client.query_lineage(StartArns=[world.TRAINING_ARN], Direction="Descendants", IncludeEdges=False)
    assert found["Vertices"][0]["Arn"].endswith("output/model.tar.gz")
    assert "Edges" not in found


@pytest.mark.parametrize(
    ("asked", "code", "part"),
    [
        ({"StartArns": [f"{world.ROOT}:endpoint/none"]}, "ResourceNotFound", "there is no dataset"),
        ({"StartArns": [world.ENDPOINT], "Direction": "Up"}, "ValidationException", "Direction must be one of"),
        ({"StartArns": [world.ENDPOINT], "NextToken": "x"}, "ValidationException", "NextToken"),
        ({}, "ValidationException", "StartArns"),
        (
            {"StartArns": [world.ENDPOINT], "Filters": {"Properties": {"a": "b"}}},
            "ValidationException",
            "Properties is not supported",
        ),
    ],
)
def test_what_cannot_be_answered_is_an_error_of_aws(client: Any, asked: Any, code: str, part: str) -> None:
    with pytest.raises(ClientError) as refused:
        client.query_lineage(**asked)
    assert (refused.value.response["Error"]["Code"], part in str(refused.value)) == (code, True)


def test_another_operation_and_a_body_that_is_no_json_are_refused(client: Any, server: Server) -> None:
    with pytest.raises(ClientError, match="only QueryLineage is answered here"):
        client.list_models()
    import urllib.error
    import urllib.request

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{server.url}/sagemaker/query-lineage", data=b"{", timeout=30)
    assert json.loads(refused.value.read())["__type"] == "SerializationException"


def test_an_id_alone_is_enough_without_a_client_of_aws(server: Server) -> None:
    import urllib.request

    body = json.dumps({"StartArns": ["endpoint/churn-prod"], "MaxDepth": 1}).encode()
    with urllib.request.urlopen(f"{server.url}/sagemaker/query-lineage", data=body, timeout=30) as answer:
        found = json.loads(answer.read())
    assert found["Vertices"][0]["Id"] == world.ENDPOINT
