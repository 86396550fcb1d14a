"""docker-compose.yml and Dockerfile, as far as they can be checked without an engine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from api.settings import CLIENT_NAMES, Settings

ROOT = Path(__file__).parents[1]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


@pytest.fixture(scope="module")
def compose() -> Any:
    return YAML(typ="safe").load(COMPOSE)


def test_it_is_valid_by_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(COMPOSE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_image_is_pinned_and_every_server_has_a_health_check(compose: Any) -> None:
    for name, service in compose["services"].items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+", service["image"]), name
        is_server = name != "bucket"  # which ends
        assert ("healthcheck" in service) == (is_server and name != "api")
    assert "HEALTHCHECK" in STAGE
    healthy = {"condition": "service_healthy"}
    depends_on = {"neo4j": healthy, "versitygw": healthy}
    assert compose["services"]["api"]["depends_on"] == depends_on
    assert set(re.findall(r"FROM (\S+)", DOCKERFILE)) == {"python:3.12.12-slim-bookworm"}


def test_it_holds_no_secret_and_asks_for_each() -> None:
    text = COMPOSE.read_text()
    for name in ("NEO4J_PASSWORD", "LINEAGE_ADMIN_KEY", "S3_SECRET_KEY"):
        assert set(re.findall(rf"\$\{{{name}(:.)", text)) == {":?"}
    said = re.findall(r"(?i)(?:password|secret|key|auth)\w*: (.+)", text)
    assert said
    assert all("${" in value or value.startswith("ALL") for value in said), said


def test_several_api_processes_fit_beside_each_other(compose: Any) -> None:
    api = compose["services"]["api"]
    assert "container_name" not in api
    assert api["ports"] == ["127.0.0.1:8000-8015:8000"]
    assert "volumes" not in api
    [made] = compose["services"]["bucket"]["entrypoint"][2:]
    assert api["environment"]["LINEAGE_BLOBS_URL"] == f"s3://{made.removeprefix('/objects/')}"


def test_only_this_machine_reaches_the_servers_and_no_data_lies_in_a_container(
    compose: Any,
) -> None:
    used = set()
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        used |= {volume.partition(":")[0] for volume in service.get("volumes", ())}
    assert used == set(compose["volumes"])


def test_every_setting_is_one_that_the_server_knows(compose: Any) -> None:
    known = {f"LINEAGE_{name.upper()}" for name in Settings.model_fields}
    told = set(compose["services"]["api"]["environment"])
    aws = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"}
    assert told - aws <= known - CLIENT_NAMES
    assert set(re.findall(r"\b(LINEAGE_\w+)=", STAGE)) <= known


def test_the_image_holds_every_package_and_runs_as_nobody_in_particular() -> None:
    copied = set(re.findall(r"(?m)^COPY (\w+) ", DOCKERFILE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert copied >= packages & {"lineage", "cypher", "sql", "storage", "api"} >= {"cypher", "api"}
    assert re.search(r"(?m)^USER lineage$", STAGE)
    assert 'CMD ["python", "-m", "api"]' in STAGE
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    needed = {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", *copied}
    assert needed <= {line.removeprefix("!") for line in ignored}
