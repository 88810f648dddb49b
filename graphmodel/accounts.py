"""Accounts: the part of an estate, an AWS account or a team, that reported something. Pure.

What came for an account is marked with it: its jobs have it at the beginning of their namespace, and the ids of its
plans end with it. So two accounts with a job of one name have two jobs, and none can add to what another reported.
Datasets have no account of their own, since a bucket is the same for everybody. One name of a table says nothing
without an account: ``sales.orders`` of a Glue catalogue, so an AWS account's is ``glue://123456789012/sales.orders``.

Not here: how an entry of the ledger says of which account it is (`ingest.intake.accounts`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from headwater.graphmodel.model import Job, Plan, Run
from headwater.graphmodel.renaming import mentioned, renamed

_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_AWS_ACCOUNT = re.compile(r"[0-9]{12}")
#: Namespaces that begin with an AWS account: Headwater's own, an ARN, a SageMaker account and region.
_NAMED = re.compile(r"(?:arn:[^:/]*:[^:/]*:[^:/]*:|sagemaker://)?([0-9]{12})(?![0-9A-Za-z_-])")
#: ``database.table``, as Spark calls a table of its catalogue; a name with anything else in it says where it is.
_CATALOGUE_NAME = re.compile(r"[a-z0-9_-]+\.[a-z0-9_-]+", re.IGNORECASE)
_UNRESOLVED = re.compile(r"unresolved:([0-9a-f-]{36})(?=/)")  #: of `naming.unresolved`


def is_account(text: str) -> bool:
    """Whether it can name an account: 1 to 64 lower-case letters, digits, ``.``, ``_``, ``-``, none of these at an end.

    So it needs no quotes in a content type, and its case decides nothing.
    """
    return _ACCOUNT.fullmatch(text) is not None


def is_aws_account(text: str) -> bool:
    """Whether it is the id of an AWS account: 12 digits."""
    return _AWS_ACCOUNT.fullmatch(text) is not None


def contradicted(account: str, said: str) -> bool:
    """Whether `said`, which a payload names as its AWS account, is another one. A team's name says nothing of that."""
    return is_aws_account(account) and is_aws_account(said) and said != account


def account_in(namespace: str) -> str | None:
    """The AWS account that the namespace of a job names at its beginning, or None."""
    found = _NAMED.match(namespace)
    return found[1] if found else None


def namespace_of(namespace: str, account: str) -> str:
    """The namespace of a job of this account: ``<account>/<namespace>``, unless it names that account already."""
    own = namespace == account or namespace.startswith(f"{account}/") or account_in(namespace) == account
    return namespace if own else f"{account}/{namespace}"


def job_of(job: Job, account: str) -> Job:
    """The job of this account."""
    return replace(job, namespace=namespace_of(job.namespace, account))


def id_of(identity: str, account: str) -> str:
    """The id of a plan, or of a group of events, of this account: two accounts can have the same one."""
    return f"{identity}@{account}"


def plan_of(plan: Plan, account: str) -> Plan:
    """The plan, reported for this account."""
    names = {name: dataset_of(name, account) for name in mentioned(plan)}
    plan = renamed(plan, {name: new for name, new in names.items() if new != name})
    return replace(
        plan,
        agent_plan_id=id_of(plan.agent_plan_id, account),
        job=job_of(plan.job, account),
        job_names=tuple(namespace_of(name, account) for name in plan.job_names),
        key=plan.key and id_of(plan.key, account),
    )


def run_of(run: Run, account: str) -> Run:
    """The run, reported for this account. Its parent stays as it is told: another account can have started it."""
    return replace(run, agent_plan_id=id_of(run.agent_plan_id, account))


def dataset_of(name: str, account: str) -> str:
    """The name of a dataset that a payload of this account names.

    A catalogue's ``database.table`` is that of an AWS account, ``glue://<account>/database.table``. What a plan could
    not identify is its own, and has the id of the plan in its name. All other names are the same for everybody.
    """
    if is_aws_account(account) and _CATALOGUE_NAME.fullmatch(name):
        return catalogue_name(account, name)
    plan = _UNRESOLVED.match(name)
    return f"unresolved:{id_of(plan[1], account)}{name[plan.end() :]}" if plan else name


def catalogue_name(account: str, name: str) -> str:
    """``glue://<account>/database.table``: what an AWS account's jobs mean by ``database.table``."""
    return f"glue://{account}/{name.lower()}"
