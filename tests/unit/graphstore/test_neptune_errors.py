"""What is done about each of Neptune's errors, compared with what AWS says of them."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader

from headwater.graphstore.errors import Denied, Exceeded, InvalidRequest, TransientError
from headwater.graphstore.neptune.errors import CODES, Remedy, code_of, meaning_of, sentence

MODEL = Loader().load_service_model("neptunedata", "service-2")["shapes"]
ERRORS = {name: shape for name, shape in MODEL.items() if shape.get("exception")}
#: Of the loader, of machine learning, of streams: no answer to a query.
NOT_OF_QUERIES = {"BulkLoadIdNotFoundException", "S3Exception"}
#: Retried though the model does not flag them: a fail-over, and what the user guide says of engine errors.
FLAGGED_ELSEWHERE = {"ReadOnlyViolationException", "ServerShutdownException", "InternalFailureException"}


def test_exactly_what_aws_calls_retryable_is_retried() -> None:
    flagged = {name for name, shape in ERRORS.items() if "retryable" in shape} - NOT_OF_QUERIES
    retried = {code for code, meaning in CODES.items() if meaning.remedy is not Remedy.NONE}
    assert retried == flagged | FLAGGED_ELSEWHERE


CONFLICT = (
    '{"detailedMessage":"Failed to complete Insert operation for a Vertex due to conflicting operations.",'
    '"code":"ConcurrentModificationException","requestId":"b163032b-0c78-444b-9d80-07eacd88b74f"}'
)
CASES = [
    (CONFLICT, Remedy.AGAIN, TransientError),
    ('{"requestId":"x","code":"TimeLimitExceededException","detailedMessage":"A timeout"}', Remedy.HALVE, Exceeded),
    (
        '500: {"requestId":"x","code":"ReadOnlyViolationException","detailedMessage":""}',
        Remedy.RECONNECT,
        TransientError,
    ),
    ('{"code":"MalformedQueryException","detailedMessage":"Query parsing has failed"}', Remedy.NONE, InvalidRequest),
    ('{"code":"AccessDeniedException","detailedMessage":"Missing Authentication Token"}', Remedy.NONE, Denied),
]


@pytest.mark.parametrize(("message", "remedy", "error"), CASES)
def test_an_error_says_what_helps(message: str, remedy: Remedy, error: type[Exception]) -> None:
    meaning = meaning_of(message)
    assert meaning is not None
    assert (meaning.remedy, meaning.error) == (remedy, error)


@pytest.mark.parametrize("message", ["", "{", "gone", '["code"]', '{"code": 7}', '{"code": "NewException"}', "{}x"])
def test_what_is_not_known_is_not_retried(message: str) -> None:
    assert meaning_of(message) is None


def test_an_error_is_one_short_line() -> None:
    assert code_of("lost {") == (None, "lost {")
    assert (
        sentence('{"code":"ParsingException","detailedMessage":"line 1\\n  at 2"}') == "ParsingException: line 1 at 2"
    )
    assert len(sentence('{"code":"ParsingException","detailedMessage":"' + "x" * 9_000 + '"}')) < 400
