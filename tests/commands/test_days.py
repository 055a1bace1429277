"""Options in days: a moment can be worked out from whatever they take."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from docker_registry.commands.group import Commands
from docker_registry.commands.options import DAYS

CENTURY = 36_500
OPTIONS = [("gc", "--grace"), ("gc", "--older-than"), ("fsck", "--grace")]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e300", "1e9", "36501", "-1", "a week", ""])
@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_the_option_refuses_what_is_no_number_of_days(command: str, option: str, value: str) -> None:
    done = CliRunner().invoke(Commands(), [command, option, value])
    said = f"Invalid value for '{option}': {value} is not a number of days from 0 to 36,500"
    assert (done.exit_code, done.output.count(said)) == (2, 1), done.output
    assert "Traceback" not in done.output


@given(st.floats() | st.floats(0, CENTURY))
def test_what_is_taken_is_a_date(days: float) -> None:
    try:
        taken = DAYS.convert(str(days), None, None)
    except click.BadParameter:
        assert not 0 <= days <= CENTURY
        return
    assert taken == days
    assert datetime.now() + 2 * timedelta(days=taken)
