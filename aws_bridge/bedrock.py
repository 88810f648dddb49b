"""A text by a model of Amazon Bedrock. The role needs ``bedrock:InvokeModel`` on the model.

Here: the call. Not here: what is asked (`headwater.describing`).
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from typing import Any

from headwater.aws_bridge.session import AwsError, NotAllowed, Session, WrongCall, aws_errors

_MOST_TOKENS = 300  #: of an answer: two sentences
_STOPPED = frozenset({"end_turn", "stop_sequence", "max_tokens"})
_WRONG = frozenset({"ValidationException", "ResourceNotFoundException", "ModelNotReadyException"})


class Bedrock:
    """One model."""

    def __init__(self, client: Any, model: str) -> None:
        """`client` is boto3's of ``bedrock-runtime``; `model` an id or an ARN of it."""
        self.model = model
        self._client = client

    @classmethod
    def connect(cls, model: str, region: str | None, profile: str | None, endpoint: str | None) -> Bedrock:
        """With the credentials of the environment. AwsError: no region, no such profile. NotInstalled."""
        return cls(Session(region, profile).client("bedrock-runtime", endpoint, many_calls=True), model)

    def text(self, system: str, prompt: str) -> str:
        """The model's answer to a prompt, as it is. WrongCall, NotAllowed, AwsError."""
        try:
            with aws_errors("bedrock"):
                answer = self._client.converse(
                    modelId=self.model,
                    system=[{"text": system}],
                    messages=[{"role": "user", "content": [{"text": prompt}]}],
                    inferenceConfig={"maxTokens": _MOST_TOKENS, "temperature": 0.0},
                )
        except NotAllowed:
            raise NotAllowed(
                "AWS does not allow bedrock:InvokeModel on this model: see docs/questions/tags.md"
            ) from None
        except AwsError as error:
            if error.code in _WRONG:
                raise WrongCall(str(error), error.code) from None
            raise
        if answer.get("stopReason") not in _STOPPED:
            raise AwsError(f"Bedrock: the model gave no text ({answer.get('stopReason')})")
        content = answer["output"].get("message", {}).get("content", ())
        return "".join(part.get("text", "") for part in content)
