"""Amazon SageMaker: reads jobs, models, packages, endpoints and lineage entities of one region. It changes nothing.

Here: the calls, page by page. A call that the caller may not make is left out and named with the action to allow; calls
that AWS sent back because there were too many are sent again, and counted. Not here: what the answers mean
(`openlineage_bridge.sagemaker`). docs/sagemaker.md has the policy; a test compares it with the calls.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from headwater.aws_bridge.manifests import Manifests
from headwater.aws_bridge.session import DENIED, AwsError, Session
from headwater.openlineage_bridge import sagemaker as mapping
from headwater.openlineage_bridge.sagemaker import Event, Json
from headwater.openlineage_bridge.sagemaker_manifests import manifests_of

Progress = Callable[[int, int], None]  #: (done, of how many)

_UNKNOWN = frozenset({"UnknownOperationException", "UnknownOperation", "NotImplementedException"})
_GONE = frozenset({"ResourceNotFound", "ResourceNotFoundException", "ValidationException"})


@dataclass(frozen=True)
class Kind:
    """One kind of resource: how it is listed, and how one of it is described."""

    title: str
    list: str
    key: str  #: of the list in the answer of `list`
    name: str  #: of the resource's name in an item of the list
    describe: str
    argument: str  #: of `describe`, which takes the item's `of`
    of: str
    since: str = "CreationTimeAfter"
    more: Mapping[str, str] = field(default_factory=dict)


#: In the order in which data flows, so that what was read before an interruption is whole as far as it goes.
KINDS: tuple[Kind, ...] = (
    Kind(
        "processing jobs",
        "ListProcessingJobs",
        "ProcessingJobSummaries",
        "ProcessingJobName",
        "DescribeProcessingJob",
        "ProcessingJobName",
        "ProcessingJobName",
    ),
    Kind(
        "training jobs",
        "ListTrainingJobs",
        "TrainingJobSummaries",
        "TrainingJobName",
        "DescribeTrainingJob",
        "TrainingJobName",
        "TrainingJobName",
    ),
    Kind(
        "model packages",
        "ListModelPackages",
        "ModelPackageSummaryList",
        "ModelPackageArn",
        "DescribeModelPackage",
        "ModelPackageName",
        "ModelPackageArn",
        more={"ModelPackageType": "Both"},
    ),
    Kind("models", "ListModels", "Models", "ModelName", "DescribeModel", "ModelName", "ModelName"),
    Kind("endpoints", "ListEndpoints", "Endpoints", "EndpointName", "DescribeEndpoint", "EndpointName", "EndpointName"),
    Kind(
        "transform jobs",
        "ListTransformJobs",
        "TransformJobSummaries",
        "TransformJobName",
        "DescribeTransformJob",
        "TransformJobName",
        "TransformJobName",
    ),
)
#: Field of `mapping.Lineage` -> call, key of the list, name of the parameter for a time.
_ENTITIES: Mapping[str, tuple[str, str, str]] = {
    "artifacts": ("ListArtifacts", "ArtifactSummaries", "CreatedAfter"),
    "actions": ("ListActions", "ActionSummaries", "CreatedAfter"),
    "contexts": ("ListContexts", "ContextSummaries", "CreatedAfter"),
    "components": ("ListTrialComponents", "TrialComponentSummaries", "CreatedAfter"),
    "associations": ("ListAssociations", "AssociationSummaries", "CreatedAfter"),
}


@dataclass
class Reading:
    """What an import has read, and what it could not."""

    found: Counter[str] = field(default_factory=Counter)  #: resources by kind
    calls: Counter[str] = field(default_factory=Counter)  #: by operation
    repeated: int = 0  #: calls that were sent again: AWS said that there were too many, or failed
    denied: dict[str, str] = field(default_factory=dict)  #: operation -> the action of IAM to allow
    unavailable: list[str] = field(default_factory=list)  #: operations that the region does not have
    gone: int = 0  #: resources that were deleted between their listing and their description


class SageMaker:
    """SageMaker in one account and region. `read` says what was found, and what was left out."""

    def __init__(
        self,
        region: str | None = None,
        profile: str | None = None,
        endpoint: str | None = None,
        manifests: Manifests | None = None,
    ) -> None:
        """Raises `NotInstalled`, and `AwsError` without a region. `manifests` are read where they are given."""
        self._manifests = manifests
        self._client = Session(region, profile).client("sagemaker", endpoint, many_calls=True)
        self.read = Reading()

    def events(
        self, pattern: str | None = None, since: datetime | None = None, progress: Progress = lambda _done, _total: None
    ) -> Iterator[Event]:
        """OpenLineage events of all that is there, in the order in which data flows.

        `pattern`: only resources whose name matches it, with ``*``; of an endpoint also the models that it serves, and
        of these the packages. `since`: only what was created later. AwsError: AWS does not answer, or still says that
        there are too many calls; what came until then is whole.
        """
        context = self._context()
        known: dict[str, Event] = {}
        seen: set[str] = set()
        chosen = _chosen(pattern)
        waiting: list[tuple[Kind, str]] = []
        for kind in KINDS:
            waiting += [(kind, item[kind.of]) for item in self._items(kind, pattern, since) if chosen(item[kind.name])]
        for done, (kind, name) in enumerate(waiting):
            progress(done, len(waiting))
            if (key := f"{kind.describe} {name}") in seen:
                continue
            seen.add(key)
            answer = self._describe(kind, name)
            if answer is None:
                continue
            self.read.found[kind.title] += 1
            if self._manifests is not None:
                context.manifests = {one.uri: self._manifests.folders(one) for one in manifests_of(answer)}
            made = mapping.described(kind.describe, answer, context)
            if made:
                known[mapping.arn_of(kind.describe, answer)] = made[0]
            yield from made
            if pattern is not None:
                waiting += [(_BY_DESCRIBE[describe], other) for describe, other in mapping.needed(answer)]
        yield from mapping.lineage_events(self._lineage(since), known)

    def _context(self) -> mapping.Context:
        context = mapping.Context()
        for pipeline in self._pages("ListPipelines", "PipelineSummaries"):
            name = pipeline["PipelineName"]
            for run in self._pages("ListPipelineExecutions", "PipelineExecutionSummaries", PipelineName=name):
                arn = run["PipelineExecutionArn"]
                steps = self._pages("ListPipelineExecutionSteps", "PipelineExecutionSteps", PipelineExecutionArn=arn)
                context.add_steps(name, arn, steps)
        for group in self._pages("ListFeatureGroups", "FeatureGroupSummaries"):
            described = self._call("DescribeFeatureGroup", FeatureGroupName=group["FeatureGroupName"])
            if described is not None:
                context.add_feature_group(described)
        return context

    def _items(self, kind: Kind, pattern: str | None, since: datetime | None) -> Iterator[Json]:
        given: dict[str, Any] = {**kind.more, "SortBy": "CreationTime", "SortOrder": "Ascending"}
        longest = max(pattern.split("*"), key=len) if pattern else ""
        if longest and re.fullmatch(r"[a-zA-Z0-9-]{1,63}", longest) and kind.name.endswith("Name"):
            given["NameContains"] = longest
        if since is not None:
            given[kind.since] = since
        return self._pages(kind.list, kind.key, **given)

    def _describe(self, kind: Kind, name: str) -> Json | None:
        """None: it is gone, or may not be read."""
        answer = self._call(kind.describe, **{kind.argument: name})
        if answer is None or kind.describe != "DescribeEndpoint":
            return answer
        config = self._call("DescribeEndpointConfig", EndpointConfigName=answer["EndpointConfigName"])
        variants = (config or {}).get("ProductionVariants", ())
        components: list[Json] = []
        if any(not variant.get("ModelName") for variant in variants):
            for one in self._pages("ListInferenceComponents", "InferenceComponents", EndpointNameEquals=name):
                found = self._call("DescribeInferenceComponent", InferenceComponentName=one["InferenceComponentName"])
                components += [found] if found else []
        return {**answer, "EndpointConfig": config or {}, "InferenceComponents": components}

    def _lineage(self, since: datetime | None) -> mapping.Lineage:
        found: dict[str, list[Json]] = {}
        for name, (operation, key, time) in _ENTITIES.items():
            given = {} if since is None else {time: since}
            found[name] = list(self._pages(operation, key, **given))
            self.read.found["trial components" if name == "components" else name] += len(found[name])
        return mapping.Lineage(**found)

    def _pages(self, operation: str, key: str, **given: Any) -> Iterator[Json]:
        token: str | None = None
        while True:
            page = self._call(operation, **given, **({"NextToken": token} if token else {}), MaxResults=100)
            if page is None:
                return
            yield from page.get(key, ())
            token = page.get("NextToken")
            if not token:
                return

    def _call(self, operation: str, **given: Any) -> Json | None:
        """The answer. None: not allowed, not in this region, or there is no such resource (any more)."""
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        if operation in self.read.denied or operation in self.read.unavailable:
            return None
        self.read.calls[operation] += 1
        try:
            answer: Json = getattr(self._client, xform_name(operation))(**given)
        except ClientError as error:
            code, metadata = error.response["Error"]["Code"], error.response.get("ResponseMetadata", {})
            self.read.repeated += metadata.get("RetryAttempts", 0)
            if code in DENIED:
                self.read.denied[operation] = f"sagemaker:{operation}"
            elif code in _UNKNOWN:
                self.read.unavailable.append(operation)
            elif code in _GONE and operation.startswith(("Describe", "ListPipelineExecution")):
                self.read.gone += 1
            else:
                raise AwsError(f"AWS: {code} for {operation}: {error.response['Error']['Message']}") from None
            return None
        except BotoCoreError as error:
            raise AwsError(f"AWS cannot be reached: {error}") from None
        self.read.repeated += answer["ResponseMetadata"].get("RetryAttempts", 0)
        return answer


_BY_DESCRIBE: Mapping[str, Kind] = {kind.describe: kind for kind in KINDS}


def _chosen(pattern: str | None) -> Callable[[str], bool]:
    """Whether a name, or the name in an ARN, matches the pattern."""
    if pattern is None:
        return lambda _name: True
    return lambda name: fnmatchcase(name.partition("/")[2] if name.startswith("arn:") else name, pattern)
