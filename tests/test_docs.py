"""README and docs say what is so: links lead somewhere, commands exist, tables have every option."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
import yaml

from docker_registry.commands.group import Commands
from docker_registry.config import keys
from docker_registry.drivers.swift.settings import options
from tests import tables

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text()
SERVER = (ROOT / "docs" / "server.md").read_text()
DISTRIBUTION = (ROOT / "docs" / "distribution-config.md").read_text()


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def links(page: Path) -> list[str]:
    """The targets of a page's links, those of labels too."""
    text = page.read_text()
    return re.findall(r"\]\(([^)]+)\)", text) + re.findall(r"(?m)^\[[^]]+\]: (.*)$", text)


def project_url() -> str:
    """The project's home, which setup.cfg says once."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config["metadata"]["url"]


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, by GitHub's rule."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    home = f"{project_url()}/blob/main/"
    for link in links(page):
        if "://" in link and not link.startswith(home):
            continue
        path, _, anchor = link.removeprefix(home).partition("#")
        target = page if not path else (ROOT if link.startswith(home) else page.parent) / path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_has_every_page() -> None:
    listed = {link.partition("#")[0] for link in links(ROOT / "docs" / "README.md")}
    assert {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"} <= listed


def test_the_readme_s_links_work_outside_the_repository_too() -> None:
    """PyPI shows the README, and none of the files beside it."""
    assert [link for link in links(ROOT / "README.md") if "://" not in link] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "setup.cfg"], ids=name_of)
def test_the_project_has_one_home(page: Path) -> None:
    own = re.findall(r"https://github\.com/[\w-]+/docker-registry-driver-swift\b", page.read_text())
    assert set(own) <= {project_url()}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    group = click.Group("docker-registry-swift")
    for line in re.findall(r"(?m)^\s+(?:\$ )?docker-registry-swift (.*)$", page.read_text()):
        name, *arguments = line.partition(" #")[0].split()
        command = Commands().get_command(click.Context(group), name)
        while isinstance(command, click.Group) and arguments:
            command = command.get_command(click.Context(group), arguments.pop(0))
        assert command is not None, line
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        given = {match[0] for match in (re.search(r"--[a-z0-9-]+", argument) for argument in arguments) if match}
        assert given <= known, line


def test_the_picture_has_colours_for_a_dark_page_too() -> None:
    picture = (ROOT / "docs" / "images" / "architecture.svg").read_text()
    styles = ElementTree.fromstring(picture).findtext("{http://www.w3.org/2000/svg}style") or ""
    light, _, dark = styles.partition("@media (prefers-color-scheme: dark)")
    coloured = [set(re.findall(r"([.\w]+) \{[^}]*#[0-9a-f]{6}", part)) for part in (light, dark)]
    assert coloured[0] == coloured[1] >= {".page", "text"}


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"(?m)^(\w+):", (ROOT / "Makefile").read_text()))
    for page in PAGES:
        assert set(re.findall(r"(?m)(?:^    |`)make (\w+)", page.read_text())) <= targets, page


def test_the_readme_s_config_has_only_known_options() -> None:
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert text
    flavor = yaml.safe_load(text[1])["swift"]
    assert set(flavor) - {"loglevel", "standalone", "storage"} <= set(options.BY_NAME)


@pytest.mark.parametrize("page", tables.PAGES)
def test_the_tables_of_options_are_those_of_the_code(page: str) -> None:
    text = (ROOT / page).read_text()
    assert text == tables.renewed(text, tables.PAGES[page]()), "run make tables"


@pytest.mark.parametrize(
    ("section", "table"),
    [
        ("Honoured", {*keys.HONOURED, ("storage", "swift")}),
        ("Ignored, with a warning that names the key", set(keys.IGNORED)),
        ("Refused", set(keys.REFUSED)),
    ],
)
def test_every_key_of_distribution_is_in_its_table(section: str, table: set[tuple[str, ...]]) -> None:
    text = DISTRIBUTION[DISTRIBUTION.index(f"## {section}\n") :].partition("\n## ")[0]
    shown = [key for row in re.findall(r"(?m)^\| (`[^|]*`) \|", text) for key in re.findall(r"`([a-z0-9.]+)`", row)]
    assert sorted(shown) == sorted(".".join(path) for path in table)


def test_each_key_of_distribution_names_a_test_that_is_there() -> None:
    rows = re.findall(r"(?m)^\| `.*\| `(tests/\S+\.py)(?:::(\w+))?` \|$", DISTRIBUTION)
    assert len(rows) == len(re.findall(r"(?m)^\| `", DISTRIBUTION))
    for file, test in rows:
        assert f"def {test}(" in (ROOT / file).read_text() if test else (ROOT / file).exists(), (file, test)


def test_every_parameter_of_distribution_s_swift_is_named() -> None:
    parameters = set(
        re.findall(r"`([a-z]+)`", SERVER[SERVER.index("Of `storage.swift`") : SERVER.index("## The secret")])
    )
    assert set(keys.SWIFT) - {"accesskey", "tempurlmethods"} <= parameters
