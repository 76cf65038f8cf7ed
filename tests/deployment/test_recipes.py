"""What can be said of Dockerfile and compose.yaml where there is no Docker engine."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from deployment.environment import ROOT, read_pins
from deployment.recipes import compose, health_command, instructions, stages
from newstance.settings import BUNDLE

SERVICES = compose()["services"]
PACKAGE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def last(instruction: str) -> str:
    return [arguments for name, arguments in stages()[-1] if name == instruction][-1]


def context() -> list[str]:
    """Return what .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    return [rule[1:] for rule in rules if rule.startswith("!")]


def test_the_server_is_not_root_and_kubernetes_can_tell() -> None:
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last("USER"))
    assert [name for name, _ in stages()[-1]].index("USER") > [name for name, _ in stages()[-1]].index("RUN")


def test_all_stages_have_the_same_base_of_a_pinned_version_that_the_package_runs_on() -> None:
    (base,) = {stage[0][1].partition(" AS ")[0] for stage in stages()}
    assert re.fullmatch(r"python:3\.11-slim-[a-z]+", base)
    assert PACKAGE["requires-python"] == ">=3.11"


def test_the_health_check_asks_whether_requests_are_answered_where_the_server_listens() -> None:
    assert f"http://127.0.0.1:{last('EXPOSE')}/readyz" in health_command()[-1]


def test_nothing_is_fetched_but_wheels_of_pinned_versions() -> None:
    installs = [arguments for name, arguments in instructions() if name == "RUN" and " install " in arguments]
    assert len(installs) == 2
    assert all("--no-deps" in arguments for arguments in installs)
    assert "--only-binary :all: -r docker/runtime.txt" in installs[0]
    assert installs[1].endswith(" .")
    assert not [name for name, _ in instructions() if name == "ADD"]


def test_the_build_sees_what_it_copies_and_no_more() -> None:
    copied = [source for name, arguments in stages()[0] if name == "COPY" for source in arguments.split()[:-1]]
    assert sorted(copied) == sorted(context())
    assert all((ROOT / source).exists() for source in copied)


def test_the_package_can_be_built_from_what_is_copied() -> None:
    assert {PACKAGE["readme"], "src", "pyproject.toml"} <= set(context())


def test_no_secret_is_in_image_or_environment() -> None:
    words = re.compile(r"key|secret|password|token", re.IGNORECASE)
    assert not [arguments for name, arguments in instructions() if name in {"ARG", "ENV"} and words.search(arguments)]
    assert not [name for service in SERVICES.values() for name in service.get("environment", {}) if words.search(name)]


def test_by_default_the_image_serves_with_keys_or_not_at_all() -> None:
    assert json.loads(last("ENTRYPOINT")) == ["newstance"]
    assert json.loads(last("CMD")) == ["serve", "--host", "0.0.0.0"]
    assert SERVICES["app"]["command"][-2:] == ["--keys", "/run/secrets/keys"]
    assert SERVICES["app"]["secrets"] == ["keys"]


def test_the_bundle_s_folder_is_mounted_read_only_where_the_server_looks_for_it() -> None:
    # Not the bundle itself: an export replaces it, and a mount of it would keep the one before.
    (volume,) = SERVICES["app"]["volumes"]
    command = SERVICES["app"]["command"]
    bundle = Path(last("WORKDIR")) / command[command.index("--bundle") + 1]
    assert Path(volume["target"]) == bundle.parent
    assert (Path(volume["source"]).name, bundle.name) == (bundle.parent.name, str(BUNDLE))
    assert volume["read_only"] is True
    assert volume["bind"] == {"create_host_path": False}, "a missing bundle must be an error and no empty folder"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_listens_on_loopback_and_can_write_nowhere_but_in_volumes_and_tmp(name: str) -> None:
    service = SERVICES[name]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service["ports"])
    assert (service["read_only"], service["tmpfs"]) == (True, ["/tmp"])
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_images_have_the_versions_of_what_they_hold() -> None:
    assert SERVICES["app"]["image"] == f"newstance:{PACKAGE['version']}"
    assert SERVICES["mlflow"]["image"].endswith(f":v{read_pins(ROOT / 'constraints.txt')['mlflow']}")


def test_mlflow_keeps_everything_in_a_named_volume_and_says_whether_it_is_well() -> None:
    mlflow = SERVICES["mlflow"]
    (volume,) = mlflow["volumes"]
    name, _, folder = volume.partition(":")
    assert name in compose()["volumes"]
    options = dict(word.split("=") for word in mlflow["command"] if "=" in word)
    assert options["--backend-store-uri"].startswith(f"sqlite:///{folder}/")
    assert options["--artifacts-destination"].startswith(f"{folder}/")
    assert f":{options['--port']}/health" in mlflow["healthcheck"]["test"][-1]
