"""Messages to Amazon SNS topics. API: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""

from __future__ import annotations

from collections.abc import Mapping

from headwater.aws_bridge.session import Session, aws_errors

_LARGEST = 250_000  #: bytes of a message: SNS takes 256 KiB (262,144), and the attributes count too


def publish(topic: str, subject: str, message: str, attributes: Mapping[str, str]) -> None:
    """Publish to the topic with this ARN, in its own region. A message that is too long is cut, and says so.

    AwsError: AWS refuses or does not answer. NotInstalled: boto3 is missing.
    """
    region = topic.split(":")[3]
    client = Session(region).client("sns")
    body = message.encode()
    if len(body) > _LARGEST:
        message = body[:_LARGEST].decode("utf-8", "ignore") + "\n(cut)"
    named = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    with aws_errors():
        client.publish(TopicArn=topic, Subject=subject, Message=message, MessageAttributes=named)
