"""The section `registry.containers`, in both formats: what an entry has of its own, and what it never gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from docker_registry.config import load
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Settings, of_each_container

CLASSIC = {
    "storage": "swift",
    "storage_path": "/reg",
    "swift_authurl": "https://keystone:5000/v3",
    "swift_user": "me",
    "swift_password": "hush",
    "swift_tenant_name": "images",
    "swift_container": "registry",
    "swift_region_name": "one",
    "swift_storage_policy": "gold",
    "swift_timeout": 90,
    "swift_temp_url_key": "signs",
}
DISTRIBUTION = {
    "authurl": "https://keystone:5000/v3",
    "username": "me",
    "password": "hush",
    "tenant": "images",
    "container": "registry",
    "prefix": "reg",
}
TEAM = {"repositories": ["team-a/**"]}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a document, with an environment of its own."""

    def read(document: dict[str, Any], **environ: str) -> Settings:
        file = tmp_path / "config.yml"
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return load(str(file), None, environ).settings

    return read


def classic(entries: Any, **options: Any) -> dict[str, Any]:
    return {**CLASSIC, **options, "registry": {"containers": entries}}


def distribution(entries: Any) -> dict[str, Any]:
    return {"version": 0.1, "storage": {"swift": DISTRIBUTION}, "registry": {"containers": entries}}


def options(settings: Settings, name: str) -> dict[str, Any]:
    return dict(dict(of_each_container(settings))[name].driver)


def test_without_the_section_there_is_one(read: Any) -> None:
    for document in (CLASSIC, {"version": 0.1, "storage": {"swift": DISTRIBUTION}}):
        settings = read(document)
        assert settings.containers == ()
        assert list(of_each_container(settings)) == [("default", settings)]


def test_an_entry_has_what_it_does_not_say_otherwise(read: Any) -> None:
    settings = read(classic({"team-a": TEAM, "big": {"repositories": "big/**", "swift_storage_policy": "ec"}}))
    assert [(rule.name, rule.repositories, rule.storage_path) for rule in settings.containers] == [
        ("team-a", ("team-a/**",), "/reg"),
        ("big", ("big/**",), "/reg"),
    ]
    mine = {name: value for name, value in CLASSIC.items() if name.startswith("swift_")}
    assert options(settings, "default") == mine
    del mine["swift_temp_url_key"]  # perhaps one of the container; that of the account is found
    assert options(settings, "team-a") == {**mine, "swift_container": "team-a"}
    assert options(settings, "big") == {**mine, "swift_container": "big", "swift_storage_policy": "ec"}


def test_distributions_names(read: Any) -> None:
    entry = {**TEAM, "container": "theirs", "prefix": "sub", "tenant": "other", "swift_storage_policy": "ec"}
    settings = read(distribution({"team-a": entry}))
    assert settings.containers[0].storage_path == "sub/"
    assert options(settings, "team-a") == {
        "swift_authurl": DISTRIBUTION["authurl"],
        "swift_user": "me",
        "swift_password": "hush",
        "swift_container": "theirs",
        "swift_tenant_name": "other",
        "swift_storage_policy": "ec",
    }


def test_the_password_never_goes_to_another_cloud(read: Any) -> None:
    entry = {**TEAM, "swift_authurl": "https://elsewhere:5000/v3", "swift_user": "you", "swift_tenant_name": "t"}
    with pytest.raises(ConfigError, match=r"containers, team-a: swift_password is missing"):
        read(classic({"team-a": entry}))
    settings = read(classic({"team-a": {**entry, "swift_password": "secret of theirs"}}))
    assert options(settings, "team-a") == {
        "swift_authurl": "https://elsewhere:5000/v3",
        "swift_user": "you",
        "swift_password": "secret of theirs",
        "swift_tenant_name": "t",
        "swift_container": "team-a",
        "swift_timeout": 90,
    }
    assert "secret" not in repr(settings)
    assert "secret" not in settings.containers[0].place


@pytest.mark.parametrize(
    ("own", "gone"),
    [
        ({"swift_tenant_name": "other"}, {"swift_tenant_id", "swift_object_storage_url"}),
        ({"swift_user": "u", "swift_password": "p"}, {"swift_tenant_id", "swift_object_storage_url"}),
        ({"swift_region_name": "eu"}, {"swift_object_storage_url"}),
        ({"swift_container": "c"}, set()),
    ],
)
def test_nothing_wins_over_what_an_entry_says(read: Any, own: dict[str, str], gone: set[str]) -> None:
    outer = {"swift_tenant_name": None, "swift_tenant_id": "1", "swift_object_storage_url": "https://swift/v1/AUTH_1"}
    found = options(read(classic({"team-a": {**TEAM, **own}}, **outer)), "team-a")
    assert {"swift_tenant_id", "swift_object_storage_url"} - found.keys() == gone
    assert own.items() <= found.items()


def test_other_storages_have_containers_too(read: Any) -> None:
    settings = read({"storage": "memory", "registry": {"containers": {"team-a": TEAM}}, "secret_key": "x"})
    assert options(settings, "team-a") == {}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"team-a": {**TEAM, "swift_contaner": "x"}}, "team-a: swift_contaner: there is no such option"),
        ({"team-a": {**TEAM, "repository": "x"}}, "team-a: unknown option repository; did you mean repositories?"),
        ({"team-a": {}}, "team-a: repositories: is missing"),
        ({"team-a": None}, "team-a: is empty"),
        ({"team-a": {"repositories": ["a//b"]}}, "team-a: repositories: 'a//b' must have no empty part"),
        ({"team-a": {"repositories": ["UPPER/**"]}}, "'UPPER/\\*\\*' can match no name"),
        ({"team-a": {**TEAM, "swift_timeout": "soon"}}, "team-a: swift_timeout: "),
        ({"team-a": {**TEAM, "swift_memory": "1G"}}, "team-a: swift_memory: is for the whole process"),
        ({"default": TEAM}, "default: is the name of the container for all other repositories"),
        ({"a": TEAM, "b": TEAM}, "b: repositories: team-a/\\*\\* is a's already"),
        ({"a": {**TEAM, "swift_container": "registry"}}, "a: swift_container: is the container of default too"),
        (
            {"a": {**TEAM, "swift_container": "x"}, "b": {"repositories": "b", "swift_container": "x"}},
            "b: swift_container: is the container of a too",
        ),
        ([TEAM], "containers: must be a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_its_name(read: Any, entries: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        read(classic(entries))
    assert "hush" not in str(error.value)


def test_an_unknown_name_of_distributions_is_said(read: Any) -> None:
    with pytest.raises(ConfigError, match=r"containers, team-a: unknown option contaner; did you mean container\?"):
        read(distribution({"team-a": {**TEAM, "contaner": "x"}}))


def test_what_is_wrong_for_all_is_said_once(read: Any) -> None:
    with pytest.raises(ConfigError) as error:
        read(classic({"team-a": TEAM, "b": {"repositories": "b"}}, swift_timeout="soon"))
    assert str(error.value).count("swift_timeout") == 1
