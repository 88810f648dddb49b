"""Glue jobs through boto3: read, list, replace. What to change and what is wrong is decided in `spline_bridge.glue`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from headwater.aws_bridge.session import AwsError, NotInstalled, Session, aws_errors
from headwater.spline_bridge.glue.attach import job_update
from headwater.spline_bridge.glue.findings import Connection, ObservedJob

__all__ = ["AwsError", "Glue", "NoSuchJob", "NotInstalled"]

#: The latest runs that `headwater glue doctor` looks at: runs with arguments of their own show among these.
_RUNS = 20
#: The most bytes of a script that are read: a file that is longer is not a script.
_SCRIPT_BYTES = 1_000_000
#: Error codes of AWS for "not allowed" and "does not exist": the check that needs the thing is then left out.
_NOT_VISIBLE = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "EntityNotFoundException", "NoSuchKey",
        "NoSuchBucket", "403", "404", "InvalidSubnetID.NotFound",
    }
)  # fmt: skip


class NoSuchJob(Exception):
    """There is no such job in this account and region."""


class Glue:
    """One account's jobs in one region."""

    def __init__(self, region: str | None = None, profile: str | None = None, endpoint: str | None = None) -> None:
        """`endpoint` is Glue's alone; raises `NotInstalled`, and `AwsError` without a region."""
        self._session = Session(region, profile)
        self._glue = self._session.client("glue", endpoint)

    def job(self, name: str) -> dict[str, Any]:
        """The job with this name, as GetJob gives it."""
        with _glue_errors(name):
            found: dict[str, Any] = self._glue.get_job(JobName=name)["Job"]
        return found

    def jobs(self) -> Iterator[dict[str, Any]]:
        """All jobs of the account in this region, as GetJobs gives them."""
        with _glue_errors():
            for page in self._glue.get_paginator("get_jobs").paginate():
                yield from page["Jobs"]

    def replace(self, job: Mapping[str, Any], arguments: Mapping[str, str]) -> None:
        """Give a job these default arguments; everything else is sent back as it was read."""
        accepted = self._glue.meta.service_model.shape_for("JobUpdate").members
        with _glue_errors(job["Name"]):
            self._glue.update_job(JobName=job["Name"], JobUpdate=job_update(job, arguments, accepted))

    def observe(self, name: str) -> ObservedJob:
        """All that `headwater glue doctor` needs to know of a job; None for what the caller may not read."""
        job = self.job(name)
        with _glue_errors(name):
            runs = tuple(self._glue.get_job_runs(JobName=name, MaxResults=_RUNS)["JobRuns"])
            names = job.get("Connections", {}).get("Connections", ())
            connections = tuple(found for each in names if (found := self._connection(each)) is not None)
            return ObservedJob(job, runs, connections, self._script(job.get("Command", {}).get("ScriptLocation", "")))

    def missing(self, locations: Iterable[str]) -> list[str]:
        """The S3 paths at which there is no object; paths that the caller may not read are left out."""
        from botocore.exceptions import BotoCoreError, ClientError

        s3, found = self._session.client("s3"), []
        for location in locations:
            bucket, _, key = location.removeprefix("s3://").partition("/")
            try:
                s3.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NoSuchBucket"):
                    found.append(location)
            except BotoCoreError:
                return found
        return found

    def _connection(self, name: str) -> Connection | None:
        """The connection; None if it has no subnet, or if the caller may not read it."""
        try:
            found = self._glue.get_connection(Name=name, HidePassword=True)["Connection"]
        except self._glue.exceptions.ClientError as error:
            _raise_unless_not_visible(error)
            return None
        subnet = found.get("PhysicalConnectionRequirements", {}).get("SubnetId")
        return Connection(name, subnet, self._routes(subnet)) if subnet else None

    def _routes(self, subnet: str) -> tuple[tuple[str, str], ...] | None:
        """The active routes of the subnet's route table, or of its VPC's main one if the subnet has none of its own."""
        ec2 = self._session.client("ec2")
        try:
            tables = _tables(ec2, "association.subnet-id", subnet)
            if not tables:
                vpc = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
                tables = [table for table in _tables(ec2, "vpc-id", vpc) if _is_main(table)]
        except ec2.exceptions.ClientError as error:
            _raise_unless_not_visible(error)
            return None
        return tuple(_route(route) for table in tables for route in table["Routes"] if route["State"] == "active")

    def _script(self, location: str) -> str | None:
        bucket, slash, key = location.removeprefix("s3://").partition("/")
        if not location.startswith("s3://") or not slash or not key:
            return None
        s3 = self._session.client("s3")
        try:
            body = s3.get_object(Bucket=bucket, Key=key)["Body"]
        except s3.exceptions.ClientError as error:
            _raise_unless_not_visible(error)
            return None
        return str(body.read(_SCRIPT_BYTES).decode("utf-8", "replace"))


def _tables(ec2: Any, name: str, value: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ec2.describe_route_tables(Filters=[{"Name": name, "Values": [value]}])["RouteTables"]
    return found


def _is_main(table: Mapping[str, Any]) -> bool:
    return any(association.get("Main") for association in table.get("Associations", ()))


def _route(route: Mapping[str, str]) -> tuple[str, str]:
    block = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock") or ""
    target = route.get("GatewayId") or route.get("NatGatewayId") or route.get("TransitGatewayId") or ""
    return block, target


def _raise_unless_not_visible(error: Any) -> None:
    """Return if the caller may not see the thing, or it does not exist; raise any other error again."""
    if error.response["Error"]["Code"] not in _NOT_VISIBLE:
        raise error


@contextmanager
def _glue_errors(job: str = "") -> Iterator[None]:
    """Turn botocore's exceptions into `AwsError`, or into `NoSuchJob` if it is the job that does not exist."""
    from botocore.exceptions import ClientError

    with aws_errors():
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] == "EntityNotFoundException" and job:
                raise NoSuchJob(f"there is no Glue job {job} in this account and region") from None
            raise
