"""A text by a model of Amazon Bedrock. The role needs ``bedrock:InvokeModel`` on the model.

Here: the call. Not here: what is asked (`headwater.describing`).
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headwater.aws_bridge.calls import PatientCalls, WrongCall
from headwater.aws_bridge.session import AwsError, NotAllowed, Session

_MOST_TOKENS = 300  #: of an answer: two sentences
_STOPPED = frozenset({"end_turn", "stop_sequence", "max_tokens"})
_WRONG = frozenset({"ValidationException", "ResourceNotFoundException", "ModelNotReadyException"})


class Bedrock:
    """One model."""

    def __init__(self, client: Any, model: str, sleep: Callable[[float], object]) -> None:
        """`client` is boto3's of ``bedrock-runtime``; `model` an id or an ARN of it; `sleep` takes seconds."""
        self.model = model
        self._calls = PatientCalls("bedrock", client, sleep)

    @classmethod
    def connect(
        cls, model: str, region: str | None, profile: str | None, endpoint: str | None, sleep: Callable[[float], object]
    ) -> Bedrock:
        """With the credentials of the environment. AwsError: no region, no such profile. NotInstalled."""
        return cls(Session(region, profile).client("bedrock-runtime", endpoint), model, sleep)

    def text(self, system: str, prompt: str) -> str:
        """The model's answer to a prompt, as it is. WrongCall, NotAllowed, AwsError."""
        from botocore.exceptions import ClientError

        try:
            answer = self._calls(
                "converse",
                modelId=self.model,
                system=[{"text": system}],
                messages=[{"role": "user", "content": [{"text": prompt}]}],
                inferenceConfig={"maxTokens": _MOST_TOKENS, "temperature": 0.0},
            )
        except NotAllowed:
            raise NotAllowed(
                "AWS does not allow bedrock:InvokeModel on this model: see docs/questions/tags.md"
            ) from None
        except ClientError as error:
            problem = error.response["Error"]
            said = f"Bedrock: {problem['Code']}: {problem['Message']}"
            raise WrongCall(said) if problem["Code"] in _WRONG else AwsError(said) from None
        if answer.get("stopReason") not in _STOPPED:
            raise AwsError(f"Bedrock: the model gave no text ({answer.get('stopReason')})")
        content = answer["output"].get("message", {}).get("content", ())
        return "".join(part.get("text", "") for part in content)
