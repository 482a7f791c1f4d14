import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "tests/facts/slack_manifest.schema.json").read_text()))
MODES = ("socket", "http")


def manifest(mode: str) -> Any:
    return YAML(typ="safe").load((ROOT / f"deploy/manifest.{mode}.yaml").read_text())


def problems(value: Any) -> list[str]:
    return [error.json_path for error in SCHEMA.iter_errors(value)]


@pytest.mark.parametrize("mode", MODES)
def test_slack_would_take_the_manifest(mode: str) -> None:
    assert problems(manifest(mode)) == []


def _without_slash(made: Any) -> None:
    made["features"]["slash_commands"][0]["command"] = "docker"


def _long_name(made: Any) -> None:
    made["display_information"]["name"] = "n" * 36


def _no_name(made: Any) -> None:
    del made["display_information"]["name"]


def _unknown_key(made: Any) -> None:
    made["settings"]["socket_mode"] = True


def _twice_the_same_event(made: Any) -> None:
    made["settings"]["event_subscriptions"]["bot_events"] *= 2


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (_without_slash, "$.features.slash_commands[0].command"),
        (_long_name, "$.display_information.name"),
        (_no_name, "$.display_information"),
        (_unknown_key, "$.settings"),
        (_twice_the_same_event, "$.settings.event_subscriptions.bot_events"),
    ],
)
def test_what_slack_refuses_is_found(spoil: Any, where: str) -> None:
    spoiled = copy.deepcopy(manifest("socket"))
    spoil(spoiled)
    assert problems(spoiled) == [where]


def test_the_two_differ_only_in_how_slack_reaches_us() -> None:
    socket, http = manifest("socket"), manifest("http")
    for value in http["features"]["slash_commands"]:
        assert value.pop("url").startswith("https://")
    for section in ("event_subscriptions", "interactivity"):
        assert http["settings"][section].pop("request_url").startswith("https://")
    assert (socket["settings"].pop("socket_mode_enabled"), http["settings"].pop("socket_mode_enabled")) == (
        True,
        False,
    )
    assert socket == http


def test_the_manifest_asks_for_no_more_than_is_used() -> None:
    assert manifest("socket")["oauth_config"]["scopes"] == {
        "bot": [
            "app_mentions:read",  # a mention is a command
            "channels:read",  # names of channels for the policy
            "chat:write",
            "commands",
            "files:write",  # long output
            "groups:read",  # … private ones too
            "usergroups:read",  # roles bound to user groups
            "users:read",  # deleted, guest and external people never pass
        ]
    }


@pytest.mark.parametrize("kind", ["socket", "http"])
def test_text_arrives_as_it_was_typed_but_for_the_people_in_our_own_lines(kind: str) -> None:
    # Escaped text would turn an image's name or a URL into Slack's own notation.
    commands = manifest(kind)["features"]["slash_commands"]
    assert {command["command"]: command["should_escape"] for command in commands} == {
        "/docker": False,
        "/docktalk": True,
    }
