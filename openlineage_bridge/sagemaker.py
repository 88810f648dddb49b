"""From what Amazon SageMaker answers to OpenLineage events: its jobs, models, packages and endpoints are runs.

A training, processing or transform job is a run that reads S3 and writes S3. A model package, a model and an endpoint
are datasets, each written by a run of its own (registered, created, deployed), so that one chain of runs leads from an
endpoint to raw data, and all that holds of runs holds of it: versions, as-of, replay, erasure, proofs. A resource is
named by its ARN, which is the id of its dataset; the run of a job has its ARN as `jobRun`.

The events of one resource depend on nothing but the answers about it, so what was imported before is known by its
bytes. What SageMaker's lineage entities (artifacts, actions, trial components, associations) tell beyond that is added
to the same runs, or makes runs of its own. Pure. Not here: the calls (`aws_bridge.sagemaker`).
API: https://docs.aws.amazon.com/sagemaker/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from headwater.graphmodel.naming import from_openlineage
from headwater.spline_bridge.redact import redact as redact_secrets

Json = Mapping[str, Any]
Event = dict[str, Any]

FACET = "headwater_sagemaker"
INTEGRATION = "SAGEMAKER"
_PRODUCER = "urn:headwater:sagemaker"  # without a version: an event that was sent by an older version is the same event
_SCHEMA = f"urn:headwater:facets:{FACET}:1-0-0"
_SPEC = "https://openlineage.io/spec"
_RUN_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_RUN_IDS = uuid.UUID("5f0b3a0e-54ab-4d0e-9a44-3d1c1f1f8c57")  # random once, fixed for ever: ids of runs depend on it

#: What the Python SDK and pipelines add to a name to make it unique: the job is what runs again and again.
_UNIQUE = re.compile(r"-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(?:-\d{3})?(?:-[0-9a-f]{4,8})?$")
_ARN = re.compile(r"(arn:[^:]+:sagemaker:([^:]*):([^:]*)):([^/]+)/(.+)", re.DOTALL)
_IMAGE = re.compile(r"[^/]+\.dkr\.ecr\.[^/]+/.+")

_COMPLETE, _FAIL, _ABORT = "COMPLETE", "FAIL", "ABORT"
#: SageMaker's status of a resource -> what ends its run. A status that is not here has not ended it.
_ENDS: Mapping[str, str] = {
    "Completed": _COMPLETE,
    "InService": _COMPLETE,
    "Failed": _FAIL,
    "UpdateRollbackFailed": _FAIL,
    "Stopped": _ABORT,
}


@dataclass(frozen=True)
class Arn:
    """The ARN of a resource of SageMaker, taken apart."""

    text: str
    root: str  #: ``arn:aws:sagemaker:REGION:ACCOUNT``
    region: str
    account: str
    kind: str  #: ``training-job``, ``model``, ``endpoint``, ...
    name: str

    @classmethod
    def of(cls, text: str) -> Arn | None:
        """None: it is no ARN of SageMaker."""
        found = _ARN.fullmatch(text)
        return cls(text, found[1], found[2], found[3], found[4], found[5]) if found else None

    @property
    def pair(self) -> tuple[str, str]:
        """Namespace and name of the dataset that it is."""
        return self.root, f"{self.kind}/{self.name}"


@dataclass
class Context:
    """What must be known before the events of resources are made: of pipelines, and of the feature store."""

    steps: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """ARN of a job, model or package -> the pipeline execution that made it (its ARN), pipeline, and step."""
    offline: dict[str, str] = field(default_factory=dict)  #: name of a feature group -> S3 URI of its offline store
    symlinks: dict[str, Sequence[Json]] = field(default_factory=dict)  #: S3 URI of an offline store -> its other names
    manifests: dict[str, Sequence[str]] = field(default_factory=dict)
    """S3 URI of a manifest that the job in hand reads -> the folders of the files that it lists."""

    def add_steps(self, pipeline: str, execution: str, steps: Iterable[Json]) -> None:
        """The steps of one execution of a pipeline, as ListPipelineExecutionSteps gives them."""
        for step in steps:
            for told in step.get("Metadata", {}).values():
                arn = told.get("Arn") if isinstance(told, Mapping) else None
                if arn:
                    self.steps[arn] = (execution, pipeline, step["StepName"])

    def add_feature_group(self, group: Json) -> None:
        """A feature group, as DescribeFeatureGroup gives it. One without an offline store has no data in S3."""
        store = group.get("OfflineStoreConfig", {})
        uri = store.get("S3StorageConfig", {}).get("ResolvedOutputS3Uri")
        arn = Arn.of(group["FeatureGroupArn"])
        if not uri or arn is None:
            return
        self.offline[group["FeatureGroupName"]] = uri
        names: list[Json] = [{"namespace": arn.root, "name": f"{arn.kind}/{arn.name}", "type": "LOCATION"}]
        catalog = store.get("DataCatalogConfig")
        if catalog:
            table = f"table/{catalog['Database']}/{catalog['TableName']}"
            names.append({"namespace": f"arn:aws:glue:{arn.region}:{arn.account}", "name": table, "type": "TABLE"})
        self.symlinks[uri.rstrip("/")] = names


@dataclass
class _Run:
    """A run of SageMaker, before it is written as events."""

    arn: Arn
    kind: str  #: for OpenLineage's jobType
    began: datetime
    ended: datetime | None
    state: str | None  #: COMPLETE, FAIL or ABORT; None: it is not over
    inputs: dict[tuple[str, str], None] = field(default_factory=dict)
    outputs: dict[tuple[str, str], None] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    part: str = ""  #: tells several runs of one resource apart: each deployment of an endpoint is one

    def reads(self, *uris: str | None) -> None:
        self.inputs.update(dict.fromkeys(pair for uri in uris if uri and (pair := pair_of(uri))))

    def writes(self, *uris: str | None) -> None:
        self.outputs.update(dict.fromkeys(pair for uri in uris if uri and (pair := pair_of(uri))))


def pair_of(uri: str) -> tuple[str, str] | None:
    """OpenLineage's namespace and name of what SageMaker calls by a URI or ARN. None: it is no data (an image)."""
    if uri.startswith(("s3://", "s3a://", "s3n://")):
        bucket, _, key = uri.partition("://")[2].partition("/")
        return (f"s3://{bucket}", key.strip("/") or "/") if bucket else None
    arn = Arn.of(uri)
    if arn is not None:
        return arn.pair
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme in {"https", "http"}:
        return None
    authority, _, path = rest.partition("/")
    return (f"{scheme}://{authority}", path.strip("/") or "/") if authority else None


def run_id(arn: str, part: str = "") -> str:
    """OpenLineage's id of the run that a resource of SageMaker is: a function of its ARN."""
    return str(uuid.uuid5(_RUN_IDS, f"{arn}\n{part}" if part else arn))


def job_name(arn: Arn, context: Context) -> str:
    """The job that runs again and again: a pipeline's step, or the name without what makes it unique."""
    step = context.steps.get(arn.text)
    if step is not None:
        return f"pipeline/{step[1]}/{step[2]}"
    return f"{arn.kind}/{_UNIQUE.sub('', arn.name)}"


# One resource each ----------------------------------------------------------------------------------------------------


def described(operation: str, answer: Json, context: Context) -> list[Event]:
    """The events of one resource, out of the answer of the call that describes it; none for what is no run.

    `answer` is boto3's. Of an endpoint it has the answer of DescribeEndpointConfig under ``EndpointConfig``, and of
    each inference component that it serves, under ``InferenceComponents``, that of DescribeInferenceComponent.
    """
    run = _READERS[operation](answer, context)
    return [] if run is None else list(_events(run, context))


def arn_of(operation: str, answer: Json) -> str:
    """The ARN of the resource that a call describes."""
    return str(answer[f"{operation.removeprefix('Describe')}Arn"])


def needed(answer: Json) -> Iterator[tuple[str, str]]:
    """What a described endpoint or model is made of: the call that describes it, and its name there."""
    config = answer.get("EndpointConfig", {})
    for variant in (*config.get("ProductionVariants", ()), *config.get("ShadowProductionVariants", ())):
        if variant.get("ModelName"):
            yield "DescribeModel", variant["ModelName"]
    if "ModelArn" in answer:
        for container in (*_listed(answer.get("PrimaryContainer")), *answer.get("Containers", ())):
            if container.get("ModelPackageName"):
                yield "DescribeModelPackage", container["ModelPackageName"]


def _training(job: Json, context: Context) -> _Run | None:
    run = _job(job, "Training")
    model = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
    if run.state == _ABORT and model:
        run.state = _COMPLETE  # a job that is stopped saves its model first
    algorithm = job.get("AlgorithmSpecification", {})
    run.about |= {
        "images": _listed(algorithm.get("TrainingImage")),
        "channels": [_channel(one) for one in job.get("InputDataConfig", ())],
        "hyperParameters": dict(sorted(job.get("HyperParameters", {}).items())),
        "code": _listed(job.get("HyperParameters", {}).get("sagemaker_submit_directory", "").strip('"')),
    }
    run.reads(*(one["uri"] for one in run.about["channels"]), algorithm.get("AlgorithmName"))
    run.reads(*_listed_in(run, context))
    run.writes(model, job.get("OutputModelPackageArn"))
    return run


def _channel(channel: Json) -> dict[str, Any]:
    source = channel["DataSource"]
    s3, files = source.get("S3DataSource"), source.get("FileSystemDataSource")
    told: dict[str, Any] = {"name": channel["ChannelName"]}
    if s3:
        told |= {"uri": s3["S3Uri"], "dataType": s3.get("S3DataType"), "attributes": s3.get("AttributeNames")}
    elif files:
        scheme = "efs" if files["FileSystemType"] == "EFS" else "fsx"
        told |= {"uri": f"{scheme}://{files['FileSystemId']}/{files['DirectoryPath'].strip('/')}"}
    else:
        told |= {"uri": source.get("DatasetSource", {}).get("DatasetArn", "unknown:")}
    return {key: value for key, value in told.items() if value}


def _processing(job: Json, context: Context) -> _Run | None:
    run = _job(job, "Processing")
    code: list[str] = []
    for one in job.get("ProcessingInputs", ()):
        uri = _processing_input(one)
        if one["InputName"] == "code" or one.get("S3Input", {}).get("LocalPath", "").endswith("/input/code"):
            code.append(uri)
        else:
            run.about.setdefault("channels", []).append({"name": one["InputName"], "uri": uri})
            run.reads(uri)
    for one in job.get("ProcessingOutputConfig", {}).get("Outputs", ()):
        group = one.get("FeatureStoreOutput", {}).get("FeatureGroupName")
        run.writes(one.get("S3Output", {}).get("S3Uri"), _offline(group, run.arn, context))
    run.about |= {"images": _listed(job.get("AppSpecification", {}).get("ImageUri")), "code": code}
    run.reads(*_listed_in(run, context))
    return run


def _listed_in(run: _Run, context: Context) -> list[str]:
    """The folders that the manifests among the channels of a run list."""
    return [folder for one in run.about.get("channels", ()) for folder in context.manifests.get(one["uri"], ())]


def _processing_input(one: Json) -> str:
    """Where a processing input lies: a query's result, where it is one of Athena or Redshift."""
    asked = one.get("DatasetDefinition", {})
    query = asked.get("AthenaDatasetDefinition") or asked.get("RedshiftDatasetDefinition") or {}
    return str(one.get("S3Input", {}).get("S3Uri") or query.get("OutputS3Uri") or "unknown:")


def _offline(group: str | None, arn: Arn, context: Context) -> str | None:
    """The offline store of a feature group; the group itself, if that is not known."""
    return context.offline.get(group, f"{arn.root}:feature-group/{group}") if group else None


def _transform(job: Json, context: Context) -> _Run | None:
    run = _job(job, "Transform")
    uri = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    run.about["channels"] = [{"name": "input", "uri": uri}]
    run.reads(uri, f"{run.arn.root}:model/{job['ModelName']}", *_listed_in(run, context))
    run.writes(job["TransformOutput"]["S3OutputPath"])
    return run


def _job(job: Json, kind: str) -> _Run:
    """What training, processing and transform jobs have in common."""
    state = _ENDS.get(status := job[f"{kind}JobStatus"])
    began = job.get(f"{kind}StartTime") or job["CreationTime"]
    ended = job.get(f"{kind}EndTime") or job.get("LastModifiedTime") or began
    error = job.get("FailureReason") or job.get("ExitMessage") or ""
    run = _Run(_arn(job[f"{kind}JobArn"]), f"{kind}_JOB".upper(), began, ended, state, error=error)
    run.about["status"] = status
    return run


def _package(package: Json, _context: Context) -> _Run | None:
    arn = _arn(package["ModelPackageArn"])
    created = package["CreationTime"]
    run = _Run(arn, "MODEL_PACKAGE", created, created, _ENDS.get(package["ModelPackageStatus"]))
    run.about |= {"status": package["ModelPackageStatus"], "approval": package.get("ModelApprovalStatus")}
    for algorithm in package.get("SourceAlgorithmSpecification", {}).get("SourceAlgorithms", ()):
        run.reads(algorithm.get("ModelDataUrl"))
    specifications = (package.get("InferenceSpecification", {}), *package.get("AdditionalInferenceSpecifications", ()))
    _reads_containers(run, (one for each in specifications for one in each.get("Containers", ())))
    if not run.inputs:
        run.reads(package.get("SourceUri"))
    run.writes(arn.text)
    return run


def _model(model: Json, _context: Context) -> _Run | None:
    arn = _arn(model["ModelArn"])
    created = model["CreationTime"]
    run = _Run(arn, "MODEL", created, created, _COMPLETE)
    _reads_containers(run, [*_listed(model.get("PrimaryContainer")), *model.get("Containers", ())])
    run.writes(arn.text)
    return run


def _reads_containers(run: _Run, containers: Iterable[Json]) -> None:
    """A model's data: objects in S3, or a package, by its ARN or, of this account, by its name."""
    for one in containers:
        package = one.get("ModelPackageName")
        if package and not package.startswith("arn:"):
            package = f"{run.arn.root}:model-package/{package}"
        sources = [one.get("ModelDataSource"), *one.get("AdditionalModelDataSources", ())]
        run.reads(one.get("ModelDataUrl"), package)
        run.reads(*(source["S3DataSource"]["S3Uri"] for source in sources if source and "S3DataSource" in source))
        run.about.setdefault("images", []).extend(_listed(one.get("Image")))


def _endpoint(endpoint: Json, _context: Context) -> _Run | None:
    """A deployment: the endpoint with one configuration. Another configuration is another deployment."""
    arn = _arn(endpoint["EndpointArn"])
    config = endpoint.get("EndpointConfig", {})
    name = endpoint.get("EndpointConfigName") or config.get("EndpointConfigName", "")
    began = max(endpoint["CreationTime"], config.get("CreationTime", endpoint["CreationTime"]))
    state = _ENDS.get(status := endpoint["EndpointStatus"])
    run = _Run(arn, "DEPLOYMENT", began, max(endpoint["LastModifiedTime"], began), state, part=name)
    run.error = endpoint.get("FailureReason", "")
    run.about |= {"status": status, "config": name}
    for variant in (*config.get("ProductionVariants", ()), *config.get("ShadowProductionVariants", ())):
        run.reads(f"{arn.root}:model/{variant['ModelName']}" if variant.get("ModelName") else None)
    for component in endpoint.get("InferenceComponents", ()):
        served = component.get("Specification", {})
        run.reads(f"{arn.root}:model/{served['ModelName']}" if served.get("ModelName") else None)
        run.reads(served.get("Container", {}).get("ArtifactUrl"))
    run.writes(arn.text)
    return run


_READERS: Mapping[str, Callable[[Json, Context], _Run | None]] = {
    "DescribeTrainingJob": _training,
    "DescribeProcessingJob": _processing,
    "DescribeTransformJob": _transform,
    "DescribeModelPackage": _package,
    "DescribeModel": _model,
    "DescribeEndpoint": _endpoint,
}


# Lineage entities -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lineage:
    """SageMaker's lineage entities, as its List calls give them."""

    artifacts: Sequence[Json] = ()
    actions: Sequence[Json] = ()
    contexts: Sequence[Json] = ()
    components: Sequence[Json] = ()  #: trial components
    associations: Sequence[Json] = ()


Known = Mapping[str, Event]  #: ARN of a resource whose events were made -> the first of them


def lineage_events(lineage: Lineage, known: Known) -> list[Event]:
    """What associations tell: inputs and outputs of runs.

    An artifact or a context is the dataset that its source names. An action or a trial component is a run: that of the
    job or endpoint it stands for, if that one is known, else one of its own. An association of two datasets is a run
    of the later one. SameAs says nothing of a flow; images are no data.
    """
    datasets = {one["ArtifactArn"]: _source(one, "ArtifactArn") for one in lineage.artifacts}
    datasets |= {one["ContextArn"]: _source(one, "ContextArn") for one in lineage.contexts}
    entities = {one["ActionArn"]: one for one in lineage.actions}
    entities |= {one["TrialComponentArn"]: one for one in lineage.components}
    flows: dict[str, _Flow] = {}
    for one in sorted(lineage.associations, key=lambda each: (each["SourceArn"], each["DestinationArn"])):
        source, destination = one["SourceArn"], one["DestinationArn"]
        if one.get("AssociationType") == "SameAs":
            continue
        if destination in entities and datasets.get(source):
            flows.setdefault(destination, _Flow()).inputs[datasets[source] or ""] = None
        elif source in entities and datasets.get(destination):
            flows.setdefault(source, _Flow()).outputs[datasets[destination] or ""] = None
        elif datasets.get(source) and datasets.get(destination) and datasets[source] != datasets[destination]:
            flow = flows.setdefault(destination, _Flow(one.get("CreationTime")))
            flow.inputs[datasets[source] or ""] = None
            flow.outputs[datasets[destination] or ""] = None
    events: list[Event] = []
    names = _other_names(datasets)
    for arn, flow in sorted(flows.items()):
        events += _flow_events(arn, flow, entities.get(arn, {}), known, names)
    return events


def _other_names(datasets: Mapping[str, str | None]) -> dict[str, list[Json]]:
    """The ARNs of artifacts and contexts, as other names of the datasets that they stand for."""
    names: dict[str, list[Json]] = {}
    for arn, uri in sorted(datasets.items()):
        pair, parsed = pair_of(uri or ""), Arn.of(arn)
        if pair is not None and parsed is not None and pair != parsed.pair:
            namespace, name = parsed.pair
            names.setdefault("/".join(pair), []).append({"namespace": namespace, "name": name, "type": "LOCATION"})
    return names


@dataclass
class _Flow:
    at: datetime | None = None
    inputs: dict[str, None] = field(default_factory=dict)
    outputs: dict[str, None] = field(default_factory=dict)


def _source(entity: Json, key: str) -> str | None:
    """The dataset that an artifact or context stands for; None: it is an image."""
    uri = str(entity.get("Source", {}).get("SourceUri") or "")
    if _IMAGE.fullmatch(uri) or entity.get("ArtifactType") == "Image":
        return None
    return uri if pair_of(uri) else str(entity[key])


def _flow_events(
    arn: str, flow: _Flow, entity: Json, known: Known, names: Mapping[str, Sequence[Json]]
) -> Iterator[Event]:
    parsed = Arn.of(arn)
    if parsed is None:
        return
    stands_for = str(
        entity.get("TrialComponentSource", {}).get("SourceArn") or entity.get("Source", {}).get("SourceUri") or ""
    )
    began = entity.get("StartTime") or entity.get("CreationTime") or flow.at
    if began is None:
        return
    status = entity.get("Status", "Completed")
    status = str(status.get("PrimaryStatus", "Completed") if isinstance(status, Mapping) else status)
    state = _ENDS.get(status, _COMPLETE if status == "Unknown" else None)
    run = _Run(parsed, parsed.kind.replace("-", "_").upper(), began, entity.get("EndTime") or began, state)
    run.about["status"] = status
    run.reads(*flow.inputs)
    run.writes(*flow.outputs)
    if stands_for in known:  # only what is new: the run itself has said how it ended
        itself = pair_of(stands_for)
        inputs = [pair for pair in run.inputs if pair != itself]
        sides = _inputs(inputs, names), _outputs(run.outputs, names)
        first = known[stands_for]  # of its time, too: a run begins with the earliest of its events
        yield {**first, "eventType": "OTHER", "inputs": sides[0], "outputs": sides[1]}
    else:
        yield from _events(run, Context(symlinks=dict(names)))


# Facts ----------------------------------------------------------------------------------------------------------------

#: What of the facet is shown at the datasets that the run wrote, as facts.
_SHOWN = ("status", "approval", "config", "images", "hyperParameters")


def facts(events: Iterable[Event]) -> dict[str, list[dict[str, Any]]]:
    """What SageMaker says now of what runs wrote, as statements, by scope: the account, region and kind of resource.

    `events` are all of an import, those that end runs among them. A secret in a hyperparameter is masked, as in events.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for event in events:
        facet = event["run"]["facets"].get(FACET)
        arn = Arn.of(facet["arn"]) if facet and event["eventType"] == _COMPLETE else None
        said = {key: facet[key] for key in _SHOWN if key in facet} if facet else {}
        if arn is None or not said:
            continue
        value, _ = redact_secrets(said)
        for one in event["outputs"]:
            uri = from_openlineage(one["namespace"], one["name"]).uri
            found.setdefault(f"{arn.account}.{arn.region}/{arn.kind}", {})[uri] = value
    return {
        scope: [{"kind": "facts", "subject": uri, "value": value} for uri, value in sorted(by_uri.items())]
        for scope, by_uri in sorted(found.items())
    }


# Events ---------------------------------------------------------------------------------------------------------------


def _events(run: _Run, context: Context) -> Iterator[Event]:
    """START says when it began. The end says all else: bytes of a START never change, so it is not kept twice."""
    run_uuid, job = run_id(run.arn.text, run.part), _job_of(run.arn, context, run.kind)
    yield _event("START", run.began, run_uuid, job, {}, [], [])
    if run.state is None:
        return
    about = {"arn": run.arn.text, "kind": run.arn.kind, "name": run.arn.name, **run.about}
    facets: dict[str, Any] = {FACET: {"_producer": _PRODUCER, "_schemaURL": _SCHEMA, **_told(about)}}
    step = context.steps.get(run.arn.text)
    if step is not None:
        execution, pipeline, _ = step
        parent = {"namespace": job["namespace"], "name": f"pipeline/{pipeline}"}
        facets["parent"] = _facet("1-1-0/ParentRunFacet", run={"runId": run_id(execution)}, job=parent)
    if run.state != _COMPLETE:
        message = run.error or f"SageMaker: {run.about.get('status', run.state)}"
        facets["errorMessage"] = _facet("1-0-1/ErrorMessageRunFacet", message=message, programmingLanguage="SageMaker")
    sides = _inputs(run.inputs, context.symlinks), _outputs(run.outputs, context.symlinks)
    yield _event(run.state, run.ended or run.began, run_uuid, job, facets, *sides)


def _job_of(arn: Arn, context: Context, kind: str = "") -> dict[str, Any]:
    job: dict[str, Any] = {"namespace": f"sagemaker://{arn.account}.{arn.region}", "name": job_name(arn, context)}
    if kind:
        types = {"processingType": "BATCH", "integration": INTEGRATION, "jobType": kind}
        job["facets"] = {"jobType": _facet("2-0-4/JobTypeJobFacet", **types)}
    return job


def _event(
    state: str, at: datetime, run: str, job: Json, facets: Json, inputs: Sequence[Json], outputs: Sequence[Json]
) -> Event:
    return {
        "eventType": state,
        "eventTime": f"{at.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
        "run": {"runId": run, "facets": facets},
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
        "producer": _PRODUCER,
        "schemaURL": _RUN_EVENT,
    }


def _inputs(pairs: Iterable[tuple[str, str]], symlinks: Mapping[str, Sequence[Json]]) -> list[Json]:
    return [_dataset(pair, symlinks, {}) for pair in sorted(pairs)]


def _outputs(pairs: Iterable[tuple[str, str]], symlinks: Mapping[str, Sequence[Json]]) -> list[Json]:
    """Each replaces what was there: objects of the same names."""
    change = _facet("1-0-1/LifecycleStateChangeDatasetFacet", lifecycleStateChange="OVERWRITE")
    return [_dataset(pair, symlinks, {"lifecycleStateChange": change}) for pair in sorted(pairs)]


def _dataset(pair: tuple[str, str], symlinks: Mapping[str, Sequence[Json]], facets: Json) -> dict[str, Any]:
    namespace, name = pair
    others = symlinks.get(f"{namespace}/{name}")
    named = {"symlinks": _facet("1-0-1/SymlinksDatasetFacet", identifiers=list(others))} if others else {}
    return {"namespace": namespace, "name": name, "facets": {**facets, **named}}


def _facet(name: str, **content: Any) -> dict[str, Any]:
    """`name`: version and name of the facet's schema."""
    kind = name.partition("/")[2]
    return {"_producer": _PRODUCER, "_schemaURL": f"{_SPEC}/facets/{name}.json#/$defs/{kind}", **content}


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _listed(value: Any) -> list[Any]:
    return [value] if value else []


def _arn(text: str) -> Arn:
    found = Arn.of(text)
    if found is None:
        raise ValueError(f"{text!r} is no ARN of SageMaker")
    return found
