"""The files of deploy/: as far as they can be judged without what reads them, and their configs by what does."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from docker_registry.commands.group import Commands
from docker_registry.config import load
from tests.peers import need, need_module, program

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose"
KUBERNETES = ROOT / "deploy" / "kubernetes"
UNIT = ROOT / "deploy" / "docker-registry-swift.service"


def parse(arguments: list[str]) -> dict[str, Any]:
    """The options of a command line, as the command would be called with them; raises UsageError."""
    name, *rest = arguments
    command = Commands().get_command(click.Context(click.Group()), name)
    assert command, name
    return command.make_context(name, rest).params


def documents() -> Iterator[dict[str, Any]]:
    for path in sorted(KUBERNETES.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [document for document in documents() if document["kind"] == kind]
    return found


@pytest.mark.parametrize("service", ["swift", "registry1", "registry2", "registry3"])
def test_compose_calls_commands_that_exist(service: str) -> None:
    services = yaml.safe_load((COMPOSE / "compose.yml").read_text())["services"]
    parse(services[service]["command"])


def test_compose_names_only_what_there_is() -> None:
    document = yaml.safe_load((COMPOSE / "compose.yml").read_text())
    services = document["services"]
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        assert service.get("network_mode", "service:swift") == "service:swift"
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in document["volumes"] or (COMPOSE / source).is_file()
    assert (COMPOSE / services["swift"]["build"]["context"]).resolve() == ROOT


def test_compose_reads_the_file(tmp_path: Path) -> None:
    """Debian's docker-compose is 1.29, which knows all that is there but the project's name, a key of Compose 2."""
    known = re.sub(r"(?m)^name: .*\n", "", (COMPOSE / "compose.yml").read_text())
    (tmp_path / "compose.yml").write_text(known)
    command = [need("docker-compose"), "--file", str(tmp_path / "compose.yml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert {name for name, service in services.items() if service.get("read_only")} == {
        "registry1",
        "registry2",
        "registry3",
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What Kustomize makes of the files, with the example's secrets. Debian 12 has none that is new enough."""
    folder = tmp_path_factory.mktemp("kubernetes")
    for path in KUBERNETES.iterdir():
        shutil.copy(path, folder / path.name.removesuffix(".example"))
    kubectl = program("kubectl")
    command = [kubectl or "", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60) if kubectl else None
    if done is None or 'unknown field "envs"' in done.stderr:
        pytest.skip("no kubectl of 1.21 or later")
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_kustomize_puts_the_parts_together(built: list[dict[str, Any]]) -> None:
    kinds = {document["kind"]: document for document in built}
    assert len(kinds) == len(built) == 7
    pod = kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "registry.example.org/docker-registry-swift:1.0.0"
    assert pod["volumes"][0]["configMap"]["name"] == kinds["ConfigMap"]["metadata"]["name"]
    assert container["envFrom"] == [{"secretRef": {"name": kinds["Secret"]["metadata"]["name"]}}]
    assert {name for name, document in kinds.items() if document["metadata"].get("namespace") == "registry"} == {
        *kinds.keys() - {"Namespace"}
    }
    need_module("kubernetes_validate", "kubernetes-validate")
    import kubernetes_validate

    for document in built:
        kubernetes_validate.validate(document, "1.34", strict=True)


@pytest.mark.parametrize("version", ["1.28", "1.34"])
def test_kubernetes_knows_every_field(version: str) -> None:
    need_module("kubernetes_validate", "kubernetes-validate")
    import kubernetes_validate

    for document in documents():
        if document["kind"] != "Kustomization":
            kubernetes_validate.validate(document, version, strict=True)


def test_kubernetes_names_only_what_there_is() -> None:
    kustomization = of_kind("Kustomization")
    assert {KUBERNETES / name for name in kustomization["resources"]} == {
        path for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml"
    }
    pod = of_kind("Deployment")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert container["image"] in {image["name"] for image in kustomization["images"]}
    (config,) = kustomization["configMapGenerator"]
    assert pod["spec"]["volumes"][0]["configMap"]["name"] == config["name"]
    assert (KUBERNETES / config["files"][0]).is_file()
    (secret,) = kustomization["secretGenerator"]
    assert container["envFrom"] == [{"secretRef": {"name": secret["name"]}}]
    assert (KUBERNETES / f"{secret['envs'][0]}.example").is_file()
    labels = pod["metadata"]["labels"]
    assert of_kind("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert of_kind("Service")["spec"]["selector"] == labels
    assert of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    target = of_kind("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == of_kind("Deployment")["metadata"]["name"]


def test_the_pod_s_command_finds_its_config(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    options = parse(container["args"])
    assert options["host"] == "0.0.0.0"
    mounted = container["volumeMounts"][0]["mountPath"]
    assert options["config"] == f"{mounted}/{of_kind('Kustomization')['configMapGenerator'][0]['files'][0]}"
    names = re.findall(r"(?m)^(\w+)=", (KUBERNETES / "secrets.env.example").read_text())
    for name in names:
        monkeypatch.setenv(name, "of the environment")
    loaded = load(str(KUBERNETES / "config.yml"))
    assert loaded.warnings == []
    assert not loaded.unset
    assert container["ports"][0]["containerPort"] == loaded.settings.port
    assert pod["terminationGracePeriodSeconds"] > loaded.settings.graceful_timeout


def test_systemd_takes_the_unit_and_thinks_little_is_exposed(tmp_path: Path) -> None:
    program = need("systemd-analyze")
    start = re.search(r"(?m)^ExecStart=(\S+) (.*)$", UNIT.read_text())
    assert start
    parse(start[2].split())
    there = tmp_path / "docker-registry-swift"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(start[1], str(there)))
    done = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    # Tenths: 20 is what systemd calls OK at most.
    judge = [program, "security", "--offline=true", "--threshold=20", str(unit)]
    assert subprocess.run(judge, capture_output=True, check=False, timeout=60).returncode == 0


def test_systemd_waits_for_requests_in_flight() -> None:
    patience = re.search(r"(?m)^TimeoutStopSec=(\d+)$", UNIT.read_text())
    assert patience
    assert int(patience[1]) > 75  # graceful_timeout, and what the workers take to end
