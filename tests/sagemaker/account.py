"""An account of SageMaker that the tests share: a churn model from its training data in S3 to its endpoint.

The pipeline `churn` trains on what the example's Spark jobs wrote and registers the model; a model is made of the
package and served by the endpoint `churn-prod`. Beside it lie a training that failed, one that still runs, a
processing job into the feature store, a batch transform, and lineage entities of somebody's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.aws_json import Answer, FakeService, Refused, paged

ROOT = "arn:aws:sagemaker:eu-west-1:123456789012"
NAMESPACE = "sagemaker://123456789012.eu-west-1"
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1.7"
BEGIN = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)
TRAINING = "pipelines-1a2b3c4d5e6f-Train-aB3dE6gH9j"
TRAINING_SET = "s3://lake/pipe/ml/training_set.parquet"
MODEL_DATA = f"s3://churn-models/{TRAINING}/output/model.tar.gz"
OFFLINE = "s3://features/123456789012/sagemaker/eu-west-1/offline-store/customers-1795000000/data"
ENDPOINT, MODEL, PACKAGE = f"{ROOT}:endpoint/churn-prod", f"{ROOT}:model/churn", f"{ROOT}:model-package/churn/1"
TRAINING_ARN = f"{ROOT}:training-job/{TRAINING}"
EXECUTION = f"{ROOT}:pipeline/churn/execution/1a2b3c4d5e6f"

Json = dict[str, Any]


def at(minutes: float) -> datetime:
    """So many minutes after the pipeline began."""
    return BEGIN + timedelta(minutes=minutes)


def _training(name: str, status: str, minutes: float, **more: Any) -> Json:
    job: Json = {
        "TrainingJobName": name,
        "TrainingJobArn": f"{ROOT}:training-job/{name}",
        "ModelArtifacts": {"S3ModelArtifacts": f"s3://churn-models/{name}/output/model.tar.gz"},
        "TrainingJobStatus": status,
        "SecondaryStatus": status if status != "InProgress" else "Training",
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{TRAINING_SET}/"}},
            },
            {
                "ChannelName": "validation",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://uploads/holdout/"}},
            },
        ],
        "HyperParameters": {"max_depth": "6", "num_round": "100"},
        "ResourceConfig": {"VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "CreationTime": at(minutes),
        "TrainingStartTime": at(minutes + 2),
        "LastModifiedTime": at(minutes + 20),
    }
    if status != "InProgress":
        job["TrainingEndTime"] = at(minutes + 20)
    return job | more


TRAININGS = [
    _training(TRAINING, "Completed", 10),
    _training("churn-2026-11-20-08-00-00-123", "Failed", -5000, FailureReason="AlgorithmError: no rows\nTraceback"),
    _training("churn-2026-11-25-08-00-00-123", "InProgress", 1440),
]
PROCESSING = [
    {
        "ProcessingJobName": "customer-features",
        "ProcessingJobArn": f"{ROOT}:processing-job/customer-features",
        "ProcessingJobStatus": "Completed",
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "AppSpecification": {"ImageUri": IMAGE},
        "ProcessingInputs": [
            {
                "InputName": "code",
                "S3Input": {
                    "S3Uri": "s3://code/features.py",
                    "LocalPath": "/opt/ml/processing/input/code",
                    "S3DataType": "S3Prefix",
                },
            },
            {
                "InputName": "customers",
                "S3Input": {
                    "S3Uri": "s3://lake/pipe/mart/customer_orders",
                    "LocalPath": "/opt/ml/processing/input/customers",
                    "S3DataType": "S3Prefix",
                },
            },
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {"OutputName": "features", "FeatureStoreOutput": {"FeatureGroupName": "customers"}, "AppManaged": True}
            ]
        },
        "CreationTime": at(-60),
        "ProcessingStartTime": at(-58),
        "ProcessingEndTime": at(-50),
        "LastModifiedTime": at(-50),
    }
]
TRANSFORMS = [
    {
        "TransformJobName": "churn-batch-2026-11-24-09-00-00-001",
        "TransformJobArn": f"{ROOT}:transform-job/churn-batch-2026-11-24-09-00-00-001",
        "TransformJobStatus": "Completed",
        "ModelName": "churn",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://lake/pipe/ml/features.parquet"}}
        },
        "TransformOutput": {"S3OutputPath": "s3://scores/churn"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": at(60),
        "TransformStartTime": at(62),
        "TransformEndTime": at(70),
    }
]
PACKAGES = [
    {
        "ModelPackageName": "churn",
        "ModelPackageGroupName": "churn",
        "ModelPackageVersion": 1,
        "ModelPackageArn": PACKAGE,
        "CreationTime": at(40),
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": MODEL_DATA}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
    }
]
MODELS = [
    {
        "ModelName": "churn",
        "ModelArn": MODEL,
        "CreationTime": at(45),
        "PrimaryContainer": {"ModelPackageName": PACKAGE, "Mode": "SingleModel"},
    }
]
ENDPOINTS = [
    {
        "EndpointName": "churn-prod",
        "EndpointArn": ENDPOINT,
        "EndpointConfigName": "churn-prod-1",
        "EndpointStatus": "InService",
        "CreationTime": at(50),
        "LastModifiedTime": at(55),
    }
]
CONFIGS = {
    "churn-prod-1": {
        "EndpointConfigName": "churn-prod-1",
        "EndpointConfigArn": f"{ROOT}:endpoint-config/churn-prod-1",
        "CreationTime": at(48),
        "ProductionVariants": [{"VariantName": "all", "ModelName": "churn"}],
    }
}
GROUP = {
    "FeatureGroupArn": f"{ROOT}:feature-group/customers",
    "FeatureGroupName": "customers",
    "RecordIdentifierFeatureName": "customer_id",
    "EventTimeFeatureName": "at",
    "FeatureDefinitions": [{"FeatureName": "customer_id", "FeatureType": "String"}],
    "CreationTime": at(-500),
    "NextToken": "-",
    "OfflineStoreConfig": {
        "S3StorageConfig": {"S3Uri": "s3://features", "ResolvedOutputS3Uri": OFFLINE},
        "DataCatalogConfig": {
            "TableName": "customers_1795000000",
            "Catalog": "AwsDataCatalog",
            "Database": "sagemaker_featurestore",
        },
    },
}
_STEPS = [
    {"StepName": "Train", "StepStatus": "Succeeded", "Metadata": {"TrainingJob": {"Arn": TRAINING_ARN}}},
    {"StepName": "Register", "StepStatus": "Succeeded", "Metadata": {"RegisterModel": {"Arn": PACKAGE}}},
]
#: What SageMaker made by itself for the training, and an action of somebody's own that wrote a report.
ARTIFACTS = [
    {
        "ArtifactArn": f"{ROOT}:artifact/{name}",
        "Source": {"SourceUri": uri},
        "ArtifactType": kind,
        "CreationTime": at(10),
    }
    for name, uri, kind in (
        ("image", IMAGE, "Image"),
        ("train", f"{TRAINING_SET}/", "DataSet"),
        ("labels", "s3://labels/churn-2026-11", "DataSet"),
        ("model", MODEL_DATA, "Model"),
        ("report", "s3://reports/bias/churn.json", "Report"),
    )
]
ACTIONS = [
    {
        "ActionArn": f"{ROOT}:action/bias-report",
        "ActionName": "bias-report",
        "Source": {"SourceUri": "notebook:bias"},
        "ActionType": "Evaluation",
        "Status": "Completed",
        "CreationTime": at(90),
    }
]
COMPONENTS = [
    {
        "TrialComponentName": f"{TRAINING}-aws-training-job",
        "TrialComponentArn": f"{ROOT}:experiment-trial-component/{TRAINING.lower()}-aws-training-job",
        "TrialComponentSource": {"SourceArn": TRAINING_ARN, "SourceType": "SageMakerTrainingJob"},
        "Status": {"PrimaryStatus": "Completed"},
        "StartTime": at(12),
        "EndTime": at(30),
        "CreationTime": at(10),
    }
]
_COMPONENT = str(COMPONENTS[0]["TrialComponentArn"])


def _association(source: str, destination: str, kind: str) -> Json:
    return {"SourceArn": source, "DestinationArn": destination, "AssociationType": kind, "CreationTime": at(30)}


ASSOCIATIONS = [
    _association(f"{ROOT}:artifact/image", _COMPONENT, "ContributedTo"),
    _association(f"{ROOT}:artifact/train", _COMPONENT, "ContributedTo"),
    _association(f"{ROOT}:artifact/labels", _COMPONENT, "ContributedTo"),
    _association(_COMPONENT, f"{ROOT}:artifact/model", "Produced"),
    _association(f"{ROOT}:artifact/model", f"{ROOT}:action/bias-report", "ContributedTo"),
    _association(f"{ROOT}:action/bias-report", f"{ROOT}:artifact/report", "Produced"),
]


_LISTS = {
    "TrainingJobName": "TrainingJobSummaries",
    "ProcessingJobName": "ProcessingJobSummaries",
    "TransformJobName": "TransformJobSummaries",
    "ModelPackageArn": "ModelPackageSummaryList",
    "ModelName": "Models",
    "EndpointName": "Endpoints",
}


def _summaries(items: list[Json], *keys: str) -> Answer:
    name = keys[0]
    list_key = _LISTS[name]

    def chosen(asked: Json) -> list[Json]:
        wanted = asked.get("NameContains", "")
        after = asked.get("CreationTimeAfter", 0)
        return [
            {one: item[one] for one in (*keys, "CreationTime")}
            for item in items
            if wanted in item[name] and item["CreationTime"].timestamp() > after
        ]

    return paged(chosen, list_key)


def _one(items: list[Json], key: str, argument: str) -> Answer:
    def answer(asked: Json) -> Json:
        found = [item for item in items if item[key] == asked[argument]]
        if not found:
            raise Refused("ValidationException", message=f"Could not find {asked[argument]}")
        return found[0]

    return answer


def answers() -> dict[str, Answer]:
    """The account's answer to each call."""
    job = ("Name", "Arn", "Status")
    return {
        "ListTrainingJobs": _summaries(TRAININGS, *(f"TrainingJob{one}" for one in job)),
        "ListProcessingJobs": _summaries(PROCESSING, *(f"ProcessingJob{one}" for one in job)),
        "ListTransformJobs": _summaries(TRANSFORMS, *(f"TransformJob{one}" for one in job)),
        "ListModelPackages": _summaries(PACKAGES, "ModelPackageArn", "ModelPackageStatus"),
        "ListModels": _summaries(MODELS, "ModelName", "ModelArn"),
        "ListEndpoints": _summaries(ENDPOINTS, "EndpointName", "EndpointArn", "EndpointStatus", "LastModifiedTime"),
        "DescribeTrainingJob": _one(TRAININGS, "TrainingJobName", "TrainingJobName"),
        "DescribeProcessingJob": _one(PROCESSING, "ProcessingJobName", "ProcessingJobName"),
        "DescribeTransformJob": _one(TRANSFORMS, "TransformJobName", "TransformJobName"),
        "DescribeModelPackage": _one(PACKAGES, "ModelPackageArn", "ModelPackageName"),
        "DescribeModel": _one(MODELS, "ModelName", "ModelName"),
        "DescribeEndpoint": _one(ENDPOINTS, "EndpointName", "EndpointName"),
        "DescribeEndpointConfig": lambda asked: CONFIGS[asked["EndpointConfigName"]],
        "ListPipelines": paged([{"PipelineName": "churn"}], "PipelineSummaries"),
        "ListPipelineExecutions": paged([{"PipelineExecutionArn": EXECUTION}], "PipelineExecutionSummaries"),
        "ListPipelineExecutionSteps": paged(_STEPS, "PipelineExecutionSteps", 1),
        "ListFeatureGroups": paged(
            [{key: GROUP[key] for key in ("FeatureGroupName", "FeatureGroupArn", "CreationTime")}],
            "FeatureGroupSummaries",
        ),
        "DescribeFeatureGroup": lambda _asked: GROUP,
        "ListArtifacts": paged(ARTIFACTS, "ArtifactSummaries"),
        "ListActions": paged(ACTIONS, "ActionSummaries"),
        "ListContexts": paged([], "ContextSummaries"),
        "ListTrialComponents": paged(COMPONENTS, "TrialComponentSummaries"),
        "ListAssociations": paged(ASSOCIATIONS, "AssociationSummaries"),
    }


def account(changed: Mapping[str, Answer] | None = None) -> FakeService:
    """The account; `changed` answers other than its own to some calls."""
    return FakeService("sagemaker", answers() | dict(changed or {}))
