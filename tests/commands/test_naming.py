"""What commands take for a repository, or for a pattern of them."""

from __future__ import annotations

import click
import pytest

from docker_registry.commands.naming import parse_pattern, parse_repository


@pytest.mark.parametrize("reference", [":a", "@sha256:" + "0" * 64, ":", "@"])
@pytest.mark.parametrize("name", ["app", "ci/app"])
def test_a_tag_does_not_belong_to_a_repository(name: str, reference: str) -> None:
    for refuse in (parse_repository, lambda text: parse_pattern(text, "NAME")):
        with pytest.raises(click.BadParameter, match=f"{name}{reference}: .* leave out {reference}$"):
            refuse(name + reference)
    assert parse_repository(name) == parse_pattern(name, "NAME").text == name
