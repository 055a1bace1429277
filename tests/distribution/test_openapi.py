"""docs/openapi.yaml describes what the routes answer, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from docker_registry.distribution import routes

PATH = Path(__file__).parents[2] / "docs" / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PATH.read_text())
METHODS = {"get", "head", "post", "put", "patch", "delete", "options"}
EXAMPLES = {"name": "team/app", "reference": "latest", "digest": "sha256:" + "0" * 64, "session": "some-id"}


def described() -> dict[type, tuple[str, set[str]]]:
    """The resource behind each path, and the methods that are described."""
    found = {}
    for path, operations in DOCUMENT["paths"].items():
        resource, _ = routes.match(re.sub(r"{(\w+)}", lambda match: EXAMPLES[match[1]], path))
        assert resource not in found, path
        found[resource] = path, {method.upper() for method in operations if method in METHODS}
    return found


def test_every_route_is_described_with_its_methods() -> None:
    found = described()
    assert set(found) == {resource for _, resource in routes._TABLE}
    for resource, (path, methods) in found.items():
        # HEAD of what GET answers is not said again.
        assert methods | ({"HEAD"} if "GET" in methods else set()) == set(resource.allowed()), path


def test_the_variables_of_a_path_are_its_parameters() -> None:
    for path, operations in DOCUMENT["paths"].items():
        given = [item for item in operations.get("parameters", []) if item.get("in", "path") == "path"]
        names = {item["name"] if "name" in item else item["$ref"].rpartition("/")[2] for item in given}
        assert names == set(re.findall(r"{(\w+)}", path)), path


def test_references_lead_somewhere() -> None:
    for reference in re.findall(r'\$ref: "#/([^"]+)"', PATH.read_text()):
        value: Any = DOCUMENT
        for key in reference.split("/"):
            value = value[key]


def test_every_operation_says_what_may_go_wrong() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method in METHODS & set(operations):
            assert "default" in operations[method]["responses"], (method, path)
