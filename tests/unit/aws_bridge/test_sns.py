"""Messages to SNS: what is sent is what the service's model takes, in the topic's region."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from headwater.aws_bridge.session import AwsError, Session
from headwater.aws_bridge.sns import publish

TOPIC = "arn:aws:sns:eu-central-1:123456789012:lineage"


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    credentials = {"aws_access_key_id": "dummy", "aws_secret_access_key": "dummy"}
    client = boto3.client("sns", region_name="eu-central-1", endpoint_url="http://127.0.0.1:9", **credentials)
    regions: list[str | None] = []

    def made(self: Session, service: str, endpoint: str | None = None) -> object:
        regions.append(self.region)
        assert (service, regions) == ("sns", ["eu-central-1"])
        return client

    monkeypatch.setattr(Session, "client", made)
    return Stubber(client)


def test_a_message_is_published_with_its_id(sns: Stubber) -> None:
    attributes = {"news": {"DataType": "String", "StringValue": "7"}}
    asked = {"TopicArn": TOPIC, "Subject": "s", "Message": "m", "MessageAttributes": attributes}
    sns.add_response("publish", {"MessageId": "1"}, asked)
    with sns:
        publish(TOPIC, "s", "m", {"news": "7"})
    sns.assert_no_pending_responses()


def test_what_sns_refuses_is_one_sentence(sns: Stubber) -> None:
    sns.add_client_error("publish", "NotFound", "Topic does not exist")
    with sns, pytest.raises(AwsError, match="NotFound for Publish: Topic does not exist"):
        publish(TOPIC, "s", "m" * 300_000, {})
