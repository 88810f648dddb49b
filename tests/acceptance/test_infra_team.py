"""The template for a team, as far as it can be proven without an account: cfn-lint, and rules of our own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import decode  # type: ignore[import-untyped]

from headwater.aws_bridge.costs import estimate
from headwater.aws_bridge.stacks import read_template
from headwater.cli.ingest import ingest
from headwater.cli.serve import serve
from headwater.cli.watch import run
from headwater.ingest.http.metrics import METRICS
from headwater.ingest.http.openapi import ENDPOINTS
from headwater.ingest.process import emf
from headwater.ingest.process.inbox_lambda import handler
from tests.acceptance.door import ROOT
from tests.acceptance.test_dependencies import PROJECT
from tests.inbox.test_permissions import allowed, policies

TEMPLATE = ROOT / "infra" / "team.yaml"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    found, problems = decode(str(TEMPLATE))
    assert not problems
    whole: dict[str, Any] = json.loads(json.dumps(found))
    return whole


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def test_cfn_lint_finds_nothing_in_the_file_and_in_what_is_sent_of_it(tmp_path: Path) -> None:
    """What `headwater aws deploy` sends has no comments, so that it is short enough for a request."""
    sent = tmp_path / "sent.yaml"
    sent.write_text(read_template(TEMPLATE.read_text(encoding="utf-8")).sent)
    command = [sys.executable, "-c", "from cfnlint.runner import main; main()"]
    command += [str(TEMPLATE), str(sent), "--ignore-checks", "W1030", "W1035"]  # for `sent`: the file says it itself
    checked = subprocess.run(command, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_no_bucket_is_public_and_its_objects_outlive_the_stack(template: dict[str, Any]) -> None:
    buckets = of_type(template, "AWS::S3::Bucket")
    assert buckets.keys() == {"Inbox", "Ledger"}
    guarded = {
        each["Properties"]["Bucket"]["Ref"]
        for each in of_type(template, "AWS::S3::BucketPolicy").values()
        for said in each["Properties"]["PolicyDocument"]["Statement"]
        if said["Effect"] == "Deny" and said["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    for name, bucket in buckets.items():
        properties = bucket["Properties"]
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["BucketEncryption"]
        assert name in guarded
        rules = properties["LifecycleConfiguration"]["Rules"]
        assert not any("ExpirationInDays" in rule for rule in rules)  # what is not in the ledger yet is there alone


def sources(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, group in of_type(template, "AWS::EC2::SecurityGroup").items():
        for rule in group["Properties"].get("SecurityGroupIngress", []):
            yield name, rule
    for name, rule in of_type(template, "AWS::EC2::SecurityGroupIngress").items():
        yield name, rule["Properties"]


def test_no_security_group_is_open(template: dict[str, Any]) -> None:
    by_addresses = []
    for name, rule in sources(template):
        assert rule["FromPort"] == rule["ToPort"]
        if "SourceSecurityGroupId" not in rule:
            assert rule["CidrIp"] == {"Ref": "AllowedCidr"}
            by_addresses.append(name)
    assert by_addresses == ["BalancerSecurity"]
    for parameter in ("AllowedCidr", "VpcCidr"):
        pattern = template["Parameters"][parameter]["AllowedPattern"]
        assert re.match(pattern, "10.0.0.0/16")
        assert not re.match(pattern, "0.0.0.0/0")
    (balancer,) = of_type(template, "AWS::ElasticLoadBalancingV2::LoadBalancer").values()
    assert balancer["Properties"]["Scheme"] == "internal"


def test_roles_name_actions_and_resources(template: dict[str, Any]) -> None:
    """The one resource `*` is that of an action that takes none."""
    for role in of_type(template, "AWS::IAM::Role"):
        for said in statements(template, role):
            assert "*" not in str(said["Action"])
            if said["Resource"] == "*":
                assert (role, said["Action"]) == ("StartRole", "ecr:GetAuthorizationToken")


def grants(said: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Actions on S3, SQS and secrets, and the prefix that they are for, as `allowed` gives them of the page."""
    out: set[tuple[str, str]] = set()
    for statement in said:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for resource in resources:
            prefix = re.search(r"/(\w+)/\*'}$", str(resource))
            out |= {
                (action, prefix[1] if prefix else "")
                for action in actions
                if action.startswith(("s3:", "sqs:", "secretsmanager:", "sns:"))
            }
    return out


READERS = {"ReaderRole", "ReaderTask", "ReaderService", "ReaderTargets", "FromLedger", "ReadersAreDown"}


def test_readers_are_made_if_they_are_asked_for_and_may_only_read_the_graph(template: dict[str, Any]) -> None:
    conditional = {name for name, each in template["Resources"].items() if each.get("Condition") == "Reads"}
    assert (template["Parameters"]["Readers"]["Default"], conditional) == (0, READERS)
    (graph,) = statements(template, "ReaderRole")
    assert not {"neptune-db:WriteDataViaQuery", "neptune-db:DeleteDataViaQuery"} & set(graph["Action"])
    (container,) = template["Resources"]["ReaderTask"]["Properties"]["ContainerDefinitions"]
    names = [(each["Fn::If"][1] if "Fn::If" in each else each)["Name"] for each in container["Environment"]]
    known = {option.envvar for option in serve.params if hasattr(option, "envvar")}
    assert [name for name in names if name not in {*known, "AWS_DEFAULT_REGION"}] == []
    (command,) = container["Command"]
    assert command.endswith("exec headwater serve --read-only")
    (store,) = (each["Value"] for each in container["Environment"] if each.get("Name") == "HEADWATER_STORE")
    assert store["Fn::If"][1]["Fn::Sub"] == "neptune://${Graph.ReadEndpoint}:8182?region=${AWS::Region}"


def test_what_readers_cannot_answer_goes_to_the_ingester(template: dict[str, Any]) -> None:
    """By the rules of the load balancer, of which each takes five values; all else goes to the readers."""
    listener = template["Resources"]["Listener"]["Properties"]["DefaultActions"]["Fn::If"]
    where = {"Fn::If": ["Reads", {"Ref": "ReaderTargets"}, {"Ref": "Targets"}]}
    assert [each[-1]["TargetGroupArn"] for each in listener[1:]] == [where, where]
    # Its targets have a load balancer by that rule alone: before, ECS would refuse the service.
    assert template["Resources"]["Service"]["Metadata"] == {"After": {"Fn::If": ["Reads", {"Ref": "FromLedger"}, ""]}}
    patterns = set()
    for name in ("FromLedger", "ProgramsFromLedger"):
        conditions = template["Resources"][name]["Properties"]["Conditions"]
        (paths,) = (each["PathPatternConfig"]["Values"] for each in conditions if "PathPatternConfig" in each)
        assert len(paths) + len(conditions) - 1 <= 5
        patterns |= set(paths)
    assert template["Resources"]["ProgramsFromLedger"]["Properties"]["Priority"] < 10  # before Programs
    asked = {endpoint.path for endpoint in ENDPOINTS}
    routed = {path for path in asked if any(fnmatchcase(path, pattern) for pattern in patterns)}
    needs = {"plan-types", "column-types", "plan-entry", "name-entry", "parked", "snapshots", "statements"}
    assert {f"/api/v1/{name}" for name in needs} <= routed
    also = {"/api/v1/stats", "/api/v1/parked/retry", "/api/v1/statements/snapshots"}  # which the ingester answers
    assert routed - {f"/api/v1/{name}" for name in needs} <= also


@pytest.mark.parametrize(
    ("role", "part"), [("ReceiverRole", "receiver"), ("TaskRole", "ingester"), ("WatchesRole", "watches")]
)
def test_roles_have_the_rights_of_the_page_on_permissions(template: dict[str, Any], role: str, part: str) -> None:
    assert grants(statements(template, role)) == allowed(policies()[part])


def test_jobs_get_the_right_to_write_the_inbox(template: dict[str, Any]) -> None:
    document = template["Resources"]["JobsMayWrite"]["Properties"]["PolicyDocument"]
    assert grants(document["Statement"]) == allowed(policies()["agent"])


def test_where_the_ledger_is_locked_its_keys_are_not_and_the_ingester_cannot_delete_them(
    template: dict[str, Any],
) -> None:
    keys = template["Resources"]["TaskKeys"]
    assert (keys["Condition"], keys["Properties"]["RoleName"]) == ("Locks", {"Ref": "TaskRole"})
    rights = {("s3:GetObject", "keys"), ("s3:PutObject", "keys")}
    assert grants(keys["Properties"]["PolicyDocument"]["Statement"]) == rights
    (container,) = template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    (named,) = (each for each in container["Environment"] if "HEADWATER_KEYS" in str(each))
    assert named["Fn::If"][:2] == ["Locks", {"Name": "HEADWATER_KEYS", "Value": {"Fn::Sub": "s3://${Inbox}/keys"}}]
    assert "ObjectLockConfiguration" not in template["Resources"]["Inbox"]["Properties"]


def test_the_graph_is_protected(template: dict[str, Any]) -> None:
    (cluster,) = of_type(template, "AWS::Neptune::DBCluster").values()
    properties = cluster["Properties"]
    assert properties["IamAuthEnabled"] is properties["StorageEncrypted"] is properties["DeletionProtection"] is True
    assert (properties["BackupRetentionPeriod"] >= 7, properties["EnableCloudwatchLogsExports"]) == (True, ["audit"])
    assert cluster["DeletionPolicy"] == "Snapshot"


def test_one_ingester_at_a_time_and_its_settings_are_options(template: dict[str, Any]) -> None:
    service = of_type(template, "AWS::ECS::Service")["Service"]
    deployment = service["Properties"]["DeploymentConfiguration"]
    assert (service["Properties"]["DesiredCount"], deployment["MaximumPercent"]) == (1, 100)
    (container,) = template["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"] is True
    names = [(each["Fn::If"][1] if "Fn::If" in each else each)["Name"] for each in container["Environment"]]
    known = {option.envvar for option in ingest.params if hasattr(option, "envvar")}
    assert [name for name in names if name.startswith("HEADWATER_") and name not in known] == []
    (command,) = container["Command"]
    assert command.endswith("exec headwater ingest")
    needed = {option.envvar for option in ingest.params if option.required}
    assert needed <= set(names)


def test_the_image_has_what_the_tasks_need(template: dict[str, Any]) -> None:
    """The extras that settings ask for; ECS gives a mounted folder to the image's user only if it is a VOLUME."""
    image = (ROOT / "infra" / "container" / "Dockerfile").read_text(encoding="utf-8")
    extras = re.search(r"pip install '\.\[(.*)\]'", image)
    volumes = re.search(r"^VOLUME (.*)$", image, re.MULTILINE)
    assert extras
    assert volumes
    assert {"aws", "oidc", "watch"} <= set(extras[1].split(",")) <= PROJECT["optional-dependencies"].keys()
    for task in of_type(template, "AWS::ECS::TaskDefinition").values():
        (container,) = task["Properties"]["ContainerDefinitions"]
        assert {each["ContainerPath"] for each in container["MountPoints"]} <= set(json.loads(volumes[1]))


@pytest.mark.parametrize(("task", "runs"), [("Task", "ingest"), ("ReaderTask", "serve --read-only")])
def test_the_start_of_the_container_keeps_the_token_from_the_process(
    task: str, runs: str, template: dict[str, Any], tmp_path: Path
) -> None:
    """Its shell command, run here, with a stand-in for the program that prints what it was given."""
    (container,) = template["Resources"][task]["Properties"]["ContainerDefinitions"]
    program = tmp_path / "headwater"
    program.write_text(f'#!/bin/sh\necho "$@" "${{ADMIN_TOKEN-none}}" "$(cat {tmp_path}/token)"\n')
    program.chmod(0o755)
    command = container["Command"][0].replace("/tmp/token", f"{tmp_path}/token")
    variables = {"ADMIN_TOKEN": "0123456789", "PATH": f"{tmp_path}:/usr/bin:/bin"}
    ran = subprocess.run([*container["EntryPoint"], command], env=variables, text=True, capture_output=True, check=True)
    assert ran.stdout == f"{runs} none 0123456789\n"
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0


def test_the_function_is_the_one_that_there_is(template: dict[str, Any]) -> None:
    properties = template["Resources"]["Receiver"]["Properties"]
    assert properties["Handler"] == f"{handler.__module__}.{handler.__name__}"
    assert properties["Environment"]["Variables"].keys() == {
        "HEADWATER_INBOX",
        "HEADWATER_TOKEN_SECRET",
        emf.METRICS,
        emf.NAMESPACE,
    }


def test_new_objects_are_told_to_the_queue_by_day_and_what_is_parked_is_not(template: dict[str, Any]) -> None:
    (told,) = template["Resources"]["Inbox"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    (rule,) = told["Filter"]["S3Key"]["Rules"]
    assert "inbox/2026-03-01/x.json.gz".startswith(rule["Value"])
    assert not "inbox/parked/2026-03-01/x.json.gz".startswith(rule["Value"])
    dead = template["Resources"]["Queue"]["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]
    assert dead == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


def test_people_sign_in_and_programs_bring_a_token(template: dict[str, Any]) -> None:
    listener = template["Resources"]["Listener"]["Properties"]
    assert (listener["Protocol"], listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13")) == ("HTTPS", True)
    signs_in, forwards = listener["DefaultActions"]["Fn::If"][1]
    assert (signs_in["Type"], signs_in["Order"], forwards["Order"]) == ("authenticate-oidc", 1, 2)
    assert "resolve:secretsmanager" in str(signs_in["AuthenticateOidcConfig"]["ClientSecret"])
    assert template["Resources"]["Programs"]["Condition"] == "SignsIn"


def test_every_alarm_is_sent_and_explained(template: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    for alarm in alarms.values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "Alarms"}]
    _, _, told = page.partition("### Alarms of `infra/team.yaml`")
    section = told.partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|.*\| `(?:aws|headwater) .*\|$", section, re.MULTILINE)) == alarms.keys()


def own(template: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Part and name of each metric of Headwater that an alarm or the dashboard looks at."""
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        if "Headwater" in str(properties["Namespace"]):
            assert properties["Namespace"] == {"Fn::Sub": "Headwater/${AWS::StackName}"}
            (dimension,) = properties["Dimensions"]
            assert dimension["Name"] == "Part"
            yield dimension["Value"], properties["MetricName"]
    for widget in dashboard(template)["widgets"]:
        rows = widget["properties"].get("metrics", [])
        if rows and rows[0][0] == "${Own}":
            assert rows[0][2] == "Part"
            yield from ((rows[0][3], row[1]) for row in rows)


def dashboard(template: dict[str, Any]) -> dict[str, Any]:
    (found,) = of_type(template, "AWS::CloudWatch::Dashboard").values()
    body: dict[str, Any] = json.loads(found["Properties"]["DashboardBody"]["Fn::Sub"][0])
    return body


def test_alarms_and_dashboard_look_at_metrics_that_there_are(template: dict[str, Any]) -> None:
    """Another name would be an alarm that never sounds."""
    known = {(row.part, row.name) for row in emf.ROWS} | {("graph", emf.in_camel_case(row.name)) for row in METRICS}
    looked_at = set(own(template))
    assert {("ingester", "ParkedFiles"), ("graph", "GraphLagEntries"), ("receiver", "Failed")} <= looked_at <= known
    told = {each["Properties"]["Environment"]["Variables"]["HEADWATER_METRICS"] for each in functions(template)}
    tasks = of_type(template, "AWS::ECS::TaskDefinition")
    assert tasks.keys() == {"Task", "WatchesTask", "ReaderTask"}
    for task in tasks.values():
        (container,) = task["Properties"]["ContainerDefinitions"]
        told |= {each["Value"] for each in container["Environment"] if each.get("Name") == "HEADWATER_METRICS"}
    assert told == {"emf"}


def functions(template: dict[str, Any]) -> list[dict[str, Any]]:
    return list(of_type(template, "AWS::Lambda::Function").values())


def test_the_dashboard_names_what_there_is_and_its_widgets_do_not_overlap(template: dict[str, Any]) -> None:
    (found,) = of_type(template, "AWS::CloudWatch::Dashboard").values()
    text, more = found["Properties"]["DashboardBody"]["Fn::Sub"]
    for name in set(re.findall(r"\$\{([\w:]+)(?:\.\w+)?\}", text)) - more.keys():
        assert name in template["Resources"] or name.startswith("AWS::")
        assert "Condition" not in template["Resources"].get(name, {})  # else the dashboard could not be made without it
    taken: set[tuple[int, int]] = set()
    for widget in dashboard(template)["widgets"]:
        x, y = widget.get("x", 0), widget.get("y", 0)
        cells = {(a, b) for a in range(x, x + widget["width"]) for b in range(y, y + widget["height"])}
        assert max(a for a, _ in cells) < 24  # the grid's columns
        assert not cells & taken
        taken |= cells


def test_watches_and_notebook_are_made_only_if_they_are_asked_for(template: dict[str, Any]) -> None:
    conditions, parameters = template["Conditions"], template["Parameters"]
    assert (parameters["WatchesSchedule"]["Default"], parameters["NotebookKey"]["Default"]) == ("", "")
    assert conditions["Watches"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "WatchesSchedule"}, ""]}]}
    assert conditions["MakesNotebook"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "NotebookKey"}, ""]}]}
    for name, each in template["Resources"].items():
        if name.startswith(("Watches", "Schedule", "Reports", "Notebook", "GraphFromNotebook")):
            assert "Condition" in each
    pattern = parameters["WatchesSchedule"]["AllowedPattern"]
    assert [bool(re.match(pattern, text)) for text in ("", "rate(1 hour)", "cron(0 6 ? * MON-FRI *)", "hourly")] == [
        True,
        True,
        True,
        False,
    ]


def test_the_task_of_watches_is_a_command_that_there_is_and_only_reads_the_graph(template: dict[str, Any]) -> None:
    (container,) = template["Resources"]["WatchesTask"]["Properties"]["ContainerDefinitions"]
    command = [each["Fn::Sub"] if isinstance(each, dict) else each for each in container["Command"]]
    assert command == ["watch", "run", "s3://${Inbox}/watches/watches.yaml", "--state", "s3://${Inbox}/watches/state"]
    names = {option.envvar for option in run.params if hasattr(option, "envvar")}
    for each in container["Environment"]:
        assert each["Name"] in names or each["Name"] == "AWS_DEFAULT_REGION"
    for role in ("WatchesRole", "NotebookRole"):
        for said in statements(template, role):
            actions = said["Action"] if isinstance(said["Action"], list) else [said["Action"]]
            assert not {"neptune-db:WriteDataViaQuery", "neptune-db:DeleteDataViaQuery", "neptune-db:*"} & set(actions)


def test_the_schedule_starts_that_task_and_nothing_else(template: dict[str, Any]) -> None:
    (schedule,) = of_type(template, "AWS::Scheduler::Schedule").values()
    target = schedule["Properties"]["Target"]
    assert target["EcsParameters"]["TaskDefinitionArn"] == {"Ref": "WatchesTask"}
    runs, passes = statements(template, "ScheduleRole")
    assert (runs["Action"], runs["Resource"]) == ("ecs:RunTask", {"Ref": "WatchesTask"})
    assert passes["Action"] == "iam:PassRole"
    assert passes["Resource"] == [{"Fn::GetAtt": ["StartRole", "Arn"]}, {"Fn::GetAtt": ["WatchesRole", "Arn"]}]


def test_the_notebook_instance_has_no_way_out_and_its_script_is_one(template: dict[str, Any], tmp_path: Path) -> None:
    properties = template["Resources"]["Notebook"]["Properties"]
    assert (properties["DirectInternetAccess"], properties["RootAccess"]) == ("Disabled", "Disabled")
    (start,) = template["Resources"]["NotebookStart"]["Properties"]["OnStart"]
    text = start["Content"]["Fn::Base64"]["Fn::Sub"]
    assert len(text) < 16_384  # characters in base64, the most of a script
    script = tmp_path / "start.sh"
    script.write_text(text.replace("${ReceiverBucket}", "b").replace("${NotebookKey}", "k"))
    subprocess.run(["bash", "-n", str(script)], check=True)
    extras = re.search(r"'headwater\[(.*)\]'", text)
    assert extras
    assert set(extras[1].split(",")) <= PROJECT["optional-dependencies"].keys()


def test_every_parameter_is_in_the_readme_or_explains_itself(template: dict[str, Any]) -> None:
    assert all(each.get("Description") for name, each in template["Parameters"].items())


def test_the_costs_in_the_readme_are_those_that_are_computed() -> None:
    readme = (ROOT / "infra" / "README.md").read_text(encoding="utf-8")
    (idle,) = re.findall(r"^\| US\$ a month.*? about (\d+) \| about (\d+):", readme, re.MULTILINE)
    (more,) = re.findall(r"^\| US\$ more.*? about (\d+) \| about (\d+) \|", readme, re.MULTILINE)
    for size, told_idle, told_more in zip(("one", "team"), idle, more, strict=True):
        nothing, million = (sum(line.usd for line in estimate(size, plans)) for plans in (0, 1_000_000))
        assert int(told_idle) == pytest.approx(nothing, abs=1)
        assert int(told_more) == pytest.approx(million - nothing, abs=1)
