"""What runs on AWS and in containers, as far as it can be proven without an account or a container engine.

CloudFormation's templates are checked with cfn-lint and by rules of our own; scripts inside them run here, with a
stand-in for the AWS command line; the container's health check runs against a real server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.decode import decode  # type: ignore[import-untyped]

from tests.acceptance.door import PIPELINE, ROOT, environment, eventually, headwater, serving
from tests.gremlin_server.server import GRAPH

INFRA = ROOT / "infra"
TEMPLATE = INFRA / "one.yaml"
REPORT = "/data/lake/pipe/out/churn_by_country"


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    found, problems = decode(str(TEMPLATE))
    assert not problems
    whole: dict[str, Any] = json.loads(json.dumps(found))
    return whole


def test_cfn_lint_finds_nothing() -> None:
    command = [sys.executable, "-c", "from cfnlint.runner import main; main()", str(TEMPLATE)]
    checked = subprocess.run(command, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource for resource in template["Resources"].values() if resource["Type"] == kind]


def test_nothing_is_open_and_data_outlive_the_stack(template: dict[str, Any]) -> None:
    for bucket in of_type(template, "AWS::S3::Bucket"):
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
        assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    for group in of_type(template, "AWS::EC2::SecurityGroup"):
        for rule in group["Properties"]["SecurityGroupIngress"]:
            assert rule["CidrIp"] == {"Ref": "AllowedCidr"}
    for volume in of_type(template, "AWS::EC2::Volume"):
        assert volume["Properties"]["Encrypted"] is True
        assert volume["DeletionPolicy"] == "Snapshot"


@pytest.mark.parametrize("file", ["one.yaml", "team.yaml"])
def test_only_ranges_of_private_addresses_are_let_in(file: str) -> None:
    pattern = decode(str(INFRA / file))[0]["Parameters"]["AllowedCidr"]["AllowedPattern"]
    private = ["10.0.0.0/8", "10.1.2.3/32", "172.16.0.0/12", "172.31.4.0/22", "192.168.0.0/16", "192.168.1.0/24"]
    assert [each for each in private if not re.search(pattern, each)] == []
    open_to_more = ["0.0.0.0/0", "10.0.0.0/0", "10.0.0.0/7", "172.16.0.0/11", "192.168.0.0/1", "172.32.0.0/16"]
    wrong = [*open_to_more, "10.0.0.0", "10.0.0.0/33", "10.0.0.0/160", "10.0.0/8", "8.8.8.0/24", "110.0.0.0/8", ""]
    assert [each for each in wrong if re.search(pattern, each)] == []


def test_what_pip_installs_is_named_by_whoever_deploys(template: dict[str, Any]) -> None:
    assert "Default" not in template["Parameters"]["Package"]  # the name alone may be another project's in an index


def test_its_alarm_is_explained(template: dict[str, Any]) -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = page.partition("### Alarm of `infra/one.yaml`")[2].partition("\n#")[0]
    alarms = [name for name, made in template["Resources"].items() if made["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    assert [name for name in alarms if f"`{name}`" not in section] == []


def test_what_only_one_instance_can_have_can_be_taken_off_it(template: dict[str, Any]) -> None:
    """CloudFormation makes a new instance before it removes the old one, which still has the volume and the address."""
    resources = template["Resources"]
    holds = {name for name, one in resources.items() if "Instance" in re.findall(r"'Ref': '(\w+)'", str(one))}
    assert holds == {"Attachment", "Recover"}
    assert {name for name, one in resources.items() if one.get("Condition") == "Runs"} == holds | {"Instance"}


def test_roles_name_their_resources(template: dict[str, Any]) -> None:
    for role in of_type(template, "AWS::IAM::Role"):
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert statement["Resource"] != "*"
                assert "*" not in str(statement["Action"])


def scripts(template: dict[str, Any]) -> dict[str, str]:
    """The files that the instance's user data write, by path, and the whole under an empty path; parameters filled."""
    text = template["Resources"]["Instance"]["Properties"]["UserData"]["Fn::Base64"]["Fn::Sub"]
    filled = {
        "Backups": "backups",
        "Token": "token",
        "AWS::Region": "eu-west-1",
        "Data": "vol-1",
        "Package": "headwater",
    }
    text = re.sub(r"\$\{([A-Za-z:]+)\}", lambda name: filled[name[1]], text)
    found = re.findall(r"cat >(\S+) <<'(\w+)'\n(.*?)\n\2\n", text, re.DOTALL)
    return {"": text, **{path: body + "\n" for path, _, body in found}}


def test_a_browser_that_uses_the_address_in_the_outputs_is_let_in(template: dict[str, Any]) -> None:
    """Its first request brings no token, so the server has to know the host name that it uses."""
    address = template["Outputs"]["Url"]["Value"]["Fn::Sub"].removeprefix("http://").removesuffix(":9090")
    unit = scripts(template)["/etc/systemd/system/headwater.service"]
    assert f"Environment=HEADWATER_ALLOW_HOST={address}\n" in unit


def test_the_scripts_of_the_instance_are_shell(template: dict[str, Any]) -> None:
    for path, text in scripts(template).items():
        if not path or path.startswith("/usr/local/bin"):
            checked = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
            assert (checked.returncode, checked.stderr) == (0, ""), path


#: The AWS command line's `s3 cp`, between files of this machine: a bucket is a folder.
_AWS = """#!/bin/bash
set -euo pipefail
[ "$1 $2 $3" = "s3 cp --only-show-errors" ]
local() { echo "${1/#s3:\\/\\//$BUCKETS/}"; }
mkdir -p "$(dirname "$(local "$5")")"
cp "$(local "$4")" "$(local "$5")"
"""


def test_the_nightly_backup_can_be_restored_and_a_cut_off_ledger_is_found(
    template: dict[str, Any], tmp_path: Path
) -> None:
    data, buckets, bin_folder = tmp_path / "data", tmp_path / "buckets", tmp_path / "bin"
    bin_folder.mkdir()
    buckets.mkdir()
    (bin_folder / "aws").write_text(_AWS)
    (bin_folder / "aws").chmod(0o755)
    assert headwater("load", *PIPELINE, "--data", data).returncode == 0
    script = scripts(template)["/usr/local/bin/headwater-backup"]
    script = script.replace("/opt/headwater/bin/headwater", f"{sys.executable} -m headwater")
    script = script.replace("/var/lib/headwater", str(data))
    variables = {
        **environment(),
        "HEADWATER_DATA": str(data),
        "BUCKETS": str(buckets),
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
    }

    def backup() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash"], input=script, text=True, capture_output=True, env=variables, check=False)

    for _ in range(2):  # the second one has an anchor to compare with
        done = backup()
        assert done.returncode == 0, done.stderr
    *_, kept = sorted((buckets / "backups" / "backup").iterdir())  # one of each day: two around midnight
    assert not list(data.glob("tmp.*"))
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(kept, restored / "ledger.sqlite")
    before, after = (
        headwater("upstream", "churn_by_country", "--data", folder, "--json") for folder in (data, restored)
    )
    assert json.loads(after.stdout) == json.loads(before.stdout)
    shutil.rmtree(data)  # a ledger that has fewer entries than the anchor saw
    assert headwater("load", PIPELINE[0], "--data", data).returncode == 0
    assert backup().returncode != 0


@pytest.mark.parametrize("place", ["infra/systemd", "infra/one.yaml"])
def test_systemd_takes_the_units(place: str, template: dict[str, Any], tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    made = {Path(path).name: text for path, text in scripts(template).items() if path.startswith("/etc/systemd/")}
    own = {file.name: file.read_text(encoding="utf-8") for file in (INFRA / "systemd").iterdir()}
    units = own if place == "infra/systemd" else made
    for name, text in units.items():  # its programs are not here
        there = re.sub(r"/(opt/headwater|usr/local)/bin/[a-z-]+", "/bin/true", text)
        (tmp_path / name).write_text(there.replace("RequiresMountsFor=/var/lib/headwater\n", ""))
    command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in units)]
    checked = subprocess.run(command, text=True, capture_output=True, check=False)
    said = [line for line in checked.stderr.splitlines() if any(name in line for name in units)]
    assert [line for line in said if "User" not in line] == []
    assert len(units) == (1 if place == "infra/systemd" else 3)


def test_the_container_is_not_root_and_its_health_check_asks_the_server(tmp_path: Path) -> None:
    lines = re.sub(r"\\\n", " ", (INFRA / "container" / "Dockerfile").read_text(encoding="utf-8")).splitlines()
    last_stage = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER headwater" in last_stage
    (check,) = (line for line in last_stage if line.startswith("HEALTHCHECK"))
    _, *command = json.loads(check.partition(" CMD ")[2])

    def healthy(port: str) -> bool:
        ran = subprocess.run(
            [sys.executable, *command], env={**environment(), "HEADWATER_PORT": port}, capture_output=True, check=False
        )
        return ran.returncode == 0

    with serving(tmp_path / "data") as server:
        port = server.url.rpartition(":")[2]
        eventually(lambda: healthy(port))  # it gives up after four seconds
    assert not healthy(port)


def test_the_compose_file_hands_the_token_to_the_server() -> None:
    found = yaml.safe_load((INFRA / "container" / "compose.yaml").read_text(encoding="utf-8"))
    service = found["services"]["headwater"]
    assert service["read_only"] is True
    assert service["environment"]["HEADWATER_BOOTSTRAP_TOKEN_FILE"] == "/run/secrets/token"
    assert found["secrets"]["token"]["file"] == "./token"
    assert (INFRA / "container" / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_the_gremlin_server_beside_it_takes_ids_that_are_texts() -> None:
    """Its own file asks for numbers; what is mounted over that is what the tests run on."""
    found = yaml.safe_load((INFRA / "container" / "compose.yaml").read_text(encoding="utf-8"))
    (mount,) = found["services"]["gremlin-server"]["volumes"]
    file, place, mode = mount.split(":")
    assert (place, mode) == ("/opt/gremlin-server/conf/tinkergraph-empty.properties", "ro")
    lines = (INFRA / "container" / file).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == GRAPH.splitlines()


def test_the_container_s_user_is_the_one_that_may_read_the_token() -> None:
    """A compose file hands a secret on with the owner and mode of the file, whatever user the container has."""
    told = "sudo chown 10001 token"
    assert "useradd --system --uid 10001" in (INFRA / "container" / "Dockerfile").read_text(encoding="utf-8")
    for page in (INFRA / "container" / "compose.yaml", ROOT / "docs" / "operating.md"):
        assert told in page.read_text(encoding="utf-8")


def test_a_first_start_needs_no_shell(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef" * 4 + "\n")
    variables = {
        **environment(),
        "HEADWATER_BOOTSTRAP_TOKEN_FILE": str(token),
        "HEADWATER_HOST": "0.0.0.0",
        "HEADWATER_ALLOW_HOST": "headwater.internal other.internal",
    }
    with serving(tmp_path / "data", variables=variables) as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        ours = type(server)(server.process, server.folder, url)
        assert ours.get("/api/v1/stats")[0] == 401
        assert ours.get("/api/v1/stats", Authorization=f"Bearer {token.read_text().strip()}")[0] == 200
        assert ours.get("/health", Host="10.1.2.3")[0] == 200


@pytest.mark.parametrize("wrong", ["", "short", "x" * 40 + " y", "é" * 40])
def test_a_bootstrap_token_that_can_be_guessed_is_refused(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(wrong)
    refused = headwater("serve", "--data", tmp_path / "data", "--bootstrap-token-file", tmp_path / "token")
    assert (refused.returncode, "32 characters" in refused.stderr) == (2, True)
    missing = headwater("serve", "--data", tmp_path / "data", "--bootstrap-token-file", tmp_path / "none")
    assert (missing.returncode, "No such file" in missing.stderr) == (2, True)
