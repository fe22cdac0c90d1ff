"""Filters and overrides from the command line: checked, never guessed."""

from __future__ import annotations

import click
import pytest

from rankscope.cli.options import parse_filters, with_overrides
from rankscope.cli.root import cli
from rankscope.config import Settings
from rankscope.errors import SettingsError, UsageError


def test_filters_are_split_at_the_first_equals_sign() -> None:
    assert parse_filters(("tenant = acme", "note=a=b")) == {"tenant": "acme", "note": "a=b"}


@pytest.mark.parametrize("where", [("tenant",), ("=x",), ("tenant=",), ("a=1", "a=2")])
def test_filters_that_cannot_be_read_are_refused(where: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse_filters(where)


def test_overrides_replace_only_what_was_given() -> None:
    settings = with_overrides(Settings(), candidates=20, floor="none", no_rerank=True)
    assert settings.retrieval.candidates == 20
    assert settings.retrieval.depth == Settings().retrieval.depth
    assert settings.floor.value is None
    assert not settings.rerank.enabled


def test_a_floor_from_the_command_line_is_manual() -> None:
    floor = with_overrides(Settings(), floor="0.6").floor
    assert (floor.value, floor.source) == (0.6, "manual")


@pytest.mark.parametrize("text", ["high", "nan", "inf", ""])
def test_a_floor_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises((UsageError, SettingsError)):
        with_overrides(Settings(), floor=text)


@pytest.mark.parametrize("name", ["query", "why", "eval"])
def test_commands_that_run_the_pipeline_take_the_same_options(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    taken = {option for parameter in command.params for option in parameter.opts}
    assert {"--candidates", "--top-k", "--depth", "--rrf-k", "--floor", "--no-rerank"} <= taken
