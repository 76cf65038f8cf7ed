"""What can be said of compose.scaling.yaml where there is no Docker engine."""

from __future__ import annotations

import re
import subprocess

import pytest

from deployment.environment import ROOT, read_pins
from deployment.recipes import compose

RECIPE = compose("compose.scaling.yaml")
SERVICES = RECIPE["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_reached_by_loopback_alone_and_can_write_nowhere_but_in_volumes_and_memory(name: str) -> None:
    service = SERVICES[name]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", []))
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(RECIPE["volumes"])
    assert "healthcheck" in service


def test_images_are_pinned_and_mlflow_and_its_driver_have_the_tested_versions() -> None:
    pins = read_pins(ROOT / "constraints.txt")
    recipe = SERVICES["mlflow"]["build"]["dockerfile_inline"]
    base, install = recipe.strip().splitlines()
    assert base == f"FROM ghcr.io/mlflow/mlflow:v{pins['mlflow']}"
    assert f"psycopg2-binary=={pins['psycopg2-binary']} " in install
    assert all("==" in word for word in install.split()[4:])
    assert SERVICES["mlflow"]["image"] == f"newstance-mlflow:{pins['mlflow']}"
    assert all(re.search(r":[\w.-]*\d[\w.-]*$", service["image"]) for service in SERVICES.values())


def test_passwords_are_read_from_files_that_git_ignores() -> None:
    files = [secret["file"] for secret in RECIPE["secrets"].values()]
    ignored = subprocess.run(["git", "check-ignore", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ignored.stdout.split() == files
    for service in SERVICES.values():
        for name, value in service["environment"].items():
            assert "PASSWORD" not in name or value in {f"/run/secrets/{secret}" for secret in service["secrets"]}


def test_mlflows_command_reads_its_passwords_and_names_the_services(tmp_path) -> None:
    """The shell's part of the command, with the server replaced by what prints the settings that it gets."""
    shell, option, program = SERVICES["mlflow"]["command"]
    assert (shell, option) == ("sh", "-c")
    (tmp_path / "database").write_text("first\n")
    (tmp_path / "objects").write_text("second\n")
    here = program.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    assert "exec mlflow server " in here
    shown = here.replace("exec mlflow server", 'echo "$MLFLOW_BACKEND_STORE_URI $AWS_SECRET_ACCESS_KEY"')
    done = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True)
    store, key, *options = done.stdout.split()
    assert (store, key) == ("postgresql+psycopg2://mlflow:first@database/mlflow", "second")
    assert "database" in SERVICES
    assert SERVICES["mlflow"]["environment"]["MLFLOW_S3_ENDPOINT_URL"] == "http://objects:9000"
    bucket = dict(word.split("=") for word in options)["--artifacts-destination"].removeprefix("s3://")
    assert f"/data/{bucket} " in SERVICES["objects"]["command"][0]


def test_a_search_reaches_the_database_as_the_guide_says() -> None:
    database, guide = SERVICES["database"], (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
    user = database["environment"]["POSTGRES_USER"]
    assert database["ports"] == ["127.0.0.1:5432:5432"]
    assert f"exec database createdb --username={user} search\n" in guide
    secret = RECIPE["secrets"]["database"]["file"].removeprefix("./")
    assert f'"postgresql://{user}:$(cat {secret})@127.0.0.1:5432/search"' in guide


def test_mlflow_waits_for_what_it_needs() -> None:
    waited = SERVICES["mlflow"]["depends_on"]
    assert waited == {name: {"condition": "service_healthy"} for name in ("database", "objects")}
