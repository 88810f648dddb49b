"""CloudFormation stacks through boto3: a change set that is looked at first, its progress, its outcome, its end.

Not here: templates (`infra`), and how a person is asked (`headwater.cli.aws`).
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.aws_bridge.session import AwsError, Session, aws_errors

__all__ = ["Change", "Event", "Parameter", "Stack", "StackFailed", "Template", "read_template"]

_CAPABILITIES = ["CAPABILITY_IAM"]  #: the templates make roles, without names of their own
_LARGEST_INLINE = 51_200  #: bytes of a template that is sent as text
_PACKED_DEPTH = 3  #: of a template: what is in the properties of a resource
_LINTERS = ("cfn-lint", "checkov")  #: whose metadata CloudFormation does not need
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_PLACE = "REVIEW_IN_PROGRESS"  #: of a stack whose first change set was not applied, and for a moment after it was
_POLL_SECONDS = 2.0
_MOST_BEGINNING = 60  #: looks at a stack that was told to begin, and has not


class StackFailed(AwsError):
    """A stack was not made, changed or deleted as asked: which resource failed first, and why."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a template."""

    name: str
    description: str
    default: str | None
    secret: bool


@dataclass(frozen=True)
class Template:
    """A template, read as far as people are asked about it."""

    text: str
    parameters: tuple[Parameter, ...]
    kept: tuple[str, ...]  #: logical names of resources that outlive their stack, or leave a snapshot

    @property
    def sent(self) -> str:
        """What CloudFormation gets: the text as it is, or if that is too long the same without comments, packed.

        ValueError: that is too long as well.
        """
        text = self.text if len(self.text.encode()) <= _LARGEST_INLINE else _packed(self.text)
        if len(text.encode()) > _LARGEST_INLINE:
            raise ValueError(f"the template has more than {_LARGEST_INLINE:,} bytes, even without its comments")
        return text


@dataclass(frozen=True)
class Change:
    """What a change set does to one resource."""

    action: str  #: Add, Modify, Remove, Import, Dynamic
    resource: str  #: its logical name
    type: str
    replacement: str  #: True, False, Conditional, or empty


@dataclass(frozen=True)
class Event:
    """What CloudFormation says of one resource while it works."""

    id: str
    resource: str
    type: str
    status: str
    reason: str | None

    @property
    def failed(self) -> bool:
        """Whether this resource could not be made, changed or deleted."""
        return self.status.endswith("_FAILED")


def read_template(text: str) -> Template:
    """A template in YAML or JSON. ValueError: it is none."""
    import yaml

    class Loader(yaml.SafeLoader):
        """CloudFormation's short forms (!Ref, !Sub) are read as what they hold: nothing is asked of them here."""

    def any_tag(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        assert isinstance(node, yaml.MappingNode)
        return loader.construct_mapping(node, deep=True)

    Loader.add_multi_constructor("!", any_tag)
    try:
        found = yaml.load(text, Loader)  # noqa: S506 - a safe loader, with tags that make plain values
        resources: Mapping[str, Any] = found["Resources"]
        parameters = tuple(
            Parameter(
                name,
                str(said.get("Description", "")).strip(),
                None if "Default" not in said else str(said["Default"]),
                str(said.get("NoEcho", "false")).lower() == "true",
            )
            for name, said in found.get("Parameters", {}).items()
        )
        kept = tuple(name for name, said in resources.items() if said.get("DeletionPolicy") in ("Retain", "Snapshot"))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it is no CloudFormation template ({type(error).__name__})") from None
    return Template(text, parameters, kept)


def _packed(text: str) -> str:
    """The same template without comments and what is for linters, what is inside of a resource on one line."""
    import yaml

    def pack(node: yaml.Node, depth: int) -> None:
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = depth >= _PACKED_DEPTH
        if isinstance(node, yaml.SequenceNode):
            for each in node.value:
                pack(each, depth + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == "Metadata" and isinstance(value, yaml.MappingNode):
                    value.value = [each for each in value.value if each[0].value not in _LINTERS]
                pack(value, depth + 1)
            node.value = [each for each in node.value if each[0].value != "Metadata" or each[1].value]

    document = yaml.compose(text, yaml.SafeLoader)
    assert document is not None, "it was read as a template before"
    pack(document, 0)
    return str(yaml.serialize(document, Dumper=yaml.SafeDumper, width=float("inf"), allow_unicode=True))


class Stack:
    """One stack, by its name, in one region."""

    def __init__(
        self, name: str, region: str | None = None, profile: str | None = None, endpoint: str | None = None
    ) -> None:
        """`endpoint` is for all services. NotInstalled, and `AwsError` without a region."""
        self.name = name
        self._session = Session(region, profile)
        self._endpoint = endpoint
        self._client = self._session.client("cloudformation", endpoint)

    @property
    def region(self) -> str:
        """Its region."""
        return str(self._client.meta.region_name)

    def describe(self) -> dict[str, Any] | None:
        """The stack as DescribeStacks gives it; None: there is none, or only the place for a first change set."""
        found = self._told()
        return None if found is None or found["StackStatus"] == _PLACE else found

    def _told(self) -> dict[str, Any] | None:
        with aws_errors():
            try:
                found: dict[str, Any] = self._client.describe_stacks(StackName=self.name)["Stacks"][0]
            except self._client.exceptions.ClientError as error:
                if "does not exist" in error.response["Error"]["Message"]:
                    return None
                raise
        return found

    def outputs(self) -> dict[str, str]:
        """Its outputs by their keys."""
        found = self.describe() or {}
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}

    def propose(self, template: Template, parameters: Mapping[str, str]) -> tuple[str, tuple[Change, ...]]:
        """Make a change set, and wait until it says what it would do: its id, and the changes; none: nothing to do.

        Parameters that are not given keep their value in the stack, or have their default. StackFailed: it cannot be
        made. ValueError: the template is too long to be sent as text.
        """
        body = template.sent
        existing = self.describe()
        had = {each["ParameterKey"] for each in (existing or {}).get("Parameters", ())}
        given = [
            {"ParameterKey": each.name, "ParameterValue": parameters[each.name]}
            if each.name in parameters
            else {"ParameterKey": each.name, "UsePreviousValue": True}
            for each in template.parameters
            if each.name in parameters or each.name in had
        ]
        try:
            with aws_errors():
                made = self._client.create_change_set(
                    StackName=self.name,
                    ChangeSetName=f"headwater-{time.time_ns()}",
                    ChangeSetType="CREATE" if existing is None else "UPDATE",
                    TemplateBody=body,
                    Parameters=given,
                    Capabilities=_CAPABILITIES,
                    Description="by headwater aws deploy",
                )
        except AwsError as error:
            if any(words in str(error) for words in _NO_CHANGES):
                return "", ()
            raise
        where = {"ChangeSetName": str(made["Id"]), "StackName": self.name}
        for told in self._until(lambda: self._client.describe_change_set(**where)):
            if told["Status"] in ("CREATE_COMPLETE", "FAILED"):
                break
        its_id = where["ChangeSetName"]
        if told["Status"] == "FAILED":
            reason = str(told.get("StatusReason", ""))
            self.discard(its_id)
            if any(words in reason for words in _NO_CHANGES):
                return its_id, ()
            raise StackFailed(f"the change set of {self.name} cannot be made: {reason}")
        changes = tuple(sorted(self._changes(its_id), key=lambda each: (each.action, each.resource)))
        if not changes:
            self.discard(its_id)
        return its_id, changes

    def _changes(self, change_set: str) -> Iterator[Change]:
        with aws_errors():
            paginator = self._client.get_paginator("describe_change_set")
            for page in paginator.paginate(ChangeSetName=change_set, StackName=self.name):
                for each in page.get("Changes", ()):
                    of = each["ResourceChange"]
                    yield Change(
                        of["Action"], of["LogicalResourceId"], of["ResourceType"], str(of.get("Replacement", ""))
                    )

    def discard(self, change_set: str) -> None:
        """Remove a change set that is not applied, and the empty stack that waited for it."""
        with aws_errors():
            self._client.delete_change_set(ChangeSetName=change_set, StackName=self.name)
            if self.describe() is None:
                self._client.delete_stack(StackName=self.name)

    def apply(self, change_set: str, told: Callable[[Event], None]) -> None:
        """Apply a change set and wait for its end; `told` of each step. StackFailed."""
        seen = {each.id for each in self._events()}
        with aws_errors():
            self._client.execute_change_set(ChangeSetName=change_set, StackName=self.name)
        self.follow(told, seen)
        if self.describe() is None:
            raise StackFailed(f"{self.name} is gone: somebody deleted it while it was made or changed")

    def delete(self, told: Callable[[Event], None]) -> None:
        """Delete the stack and wait for its end. StackFailed."""
        found = self.describe()
        if found is None:
            return
        self.name = found["StackId"]  # a stack that is gone is found by its id alone
        seen = {each.id for each in self._events()}
        with aws_errors():
            self._client.delete_stack(StackName=self.name)
        self.follow(told, seen)

    def follow(self, told: Callable[[Event], None], seen: set[str] | None = None) -> None:
        """Wait until nothing is under way; `told` of each event that is not among those `seen`. StackFailed."""
        seen = set() if seen is None else seen
        failed: Event | None = None
        beginning = 0
        for found in self._until(self._told):
            for each in self._events():
                if each.id not in seen:
                    seen.add(each.id)
                    failed = failed or (each if each.failed and each.type != "AWS::CloudFormation::Stack" else None)
                    told(each)
            status = "DELETE_COMPLETE" if found is None else str(found["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                break
            beginning += status == _PLACE
            if beginning > _MOST_BEGINNING:
                raise StackFailed(f"{self.name} was told to begin and does not: look at it in the console")
        if status.endswith("_FAILED") or "ROLLBACK" in status:
            reason = f": {failed.resource} ({failed.type}): {failed.reason}" if failed else ""
            raise StackFailed(f"the stack ended as {status}{reason}")

    def _events(self) -> list[Event]:
        """Its last events, oldest first."""
        with aws_errors():
            try:
                found = self._client.describe_stack_events(StackName=self.name)["StackEvents"]
            except self._client.exceptions.ClientError:
                return []  # a stack that is not there yet, or not any more
        return [
            Event(
                each["EventId"],
                each.get("LogicalResourceId", ""),
                each.get("ResourceType", ""),
                each.get("ResourceStatus", ""),
                each.get("ResourceStatusReason"),
            )
            for each in reversed(found)
        ]

    def template(self) -> Template:
        """The template that the stack was made with."""
        with aws_errors():
            body = self._client.get_template(StackName=self.name)["TemplateBody"]
        return read_template(body if isinstance(body, str) else json.dumps(body))

    def secret(self, its_id: str) -> str:
        """The text of a secret in Secrets Manager."""
        with aws_errors():
            client = self._session.client("secretsmanager", self._endpoint)
            return str(client.get_secret_value(SecretId=its_id)["SecretString"])

    @staticmethod
    def _until(ask: Callable[[], Any]) -> Iterator[Any]:
        """What `ask` says, again and again; at once, then every two seconds."""
        while True:
            with aws_errors():
                yield ask()
            time.sleep(_POLL_SECONDS)
