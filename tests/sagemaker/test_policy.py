"""The policy in docs/sagemaker.md allows what an import calls, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.aws_json import paged, running
from tests.sagemaker import account as world
from tests.sagemaker.account import account

PAGE = Path(__file__).parents[2] / "docs" / "sagemaker.md"


def test_the_policy_is_what_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    from headwater.aws_bridge.sagemaker import SageMaker

    component = {
        "InferenceComponentName": "churn",
        "InferenceComponentArn": f"{world.ROOT}:inference-component/churn",
        "EndpointName": "churn-prod",
        "EndpointArn": world.ENDPOINT,
        "CreationTime": world.at(50),
        "LastModifiedTime": world.at(55),
    }
    listed: dict[str, Any] = component | {"VariantName": "all"}
    config = world.CONFIGS["churn-prod-1"] | {"ProductionVariants": [{"VariantName": "all"}]}
    service = account(
        {
            "DescribeEndpointConfig": lambda _asked: config,
            "ListInferenceComponents": paged([listed], "InferenceComponents"),
            "DescribeInferenceComponent": lambda _asked: component | {"Specification": {"ModelName": "churn"}},
        }
    )
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    calls: list[str] = []
    boto3.setup_default_session()
    with running(service):
        aws = SageMaker(endpoint=service.url)
        events = aws._client.meta.events
        events.register(
            "before-call.sagemaker.*",
            lambda model, **_: calls.append(f"{model.service_model.signing_name}:{model.name}"),
        )
        found = list(aws.events())
    (text,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    allowed = [action for statement in json.loads(text)["Statement"] for action in statement["Action"]]
    assert sorted(allowed) == sorted(set(calls))
    deployed = [
        event for event in found if event["run"]["facets"].get("headwater_sagemaker", {}).get("kind") == "endpoint"
    ]
    assert [one["name"] for one in deployed[0]["inputs"]] == ["model/churn"]
