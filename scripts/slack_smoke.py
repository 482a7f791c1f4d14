"""`make slack-smoke`: what only a real workspace can tell, in one channel, with everything removed again.

Needs SLACK_BOT_TOKEN (the app installed from deploy/manifest.*.yaml) and SLACK_CHANNEL (an id; the bot is a
member). With SLACK_APP_TOKEN it also asks for a Socket Mode connection.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

ROOT = Path(__file__).resolve().parent.parent
SECONDS_BETWEEN_POSTS = 1.1
"""Slack allows about one message a second in a channel."""

Say = Callable[[str], None]


def main(environ: Mapping[str, str], say: Say, pause: float = SECONDS_BETWEEN_POSTS) -> int:
    """Run every check; 0 when all passed, 1 when one failed, 2 when there is nothing to run them with."""
    try:
        token, channel = environ["SLACK_BOT_TOKEN"], environ["SLACK_CHANNEL"]
    except KeyError as missing:
        say(f"{missing.args[0]} is not set: it takes SLACK_BOT_TOKEN, SLACK_CHANNEL and a workspace to try")
        return 2
    client = WebClient(token, base_url=environ.get("SLACK_API_URL", "https://slack.com/api/"))
    checks: dict[str, Callable[[], None]] = {
        "the token is good and has the manifest's scopes": lambda: _scopes(client),
        "every kind of message is taken, shown, edited": lambda: _messages(client, channel, pause),
        "a file arrives in a thread": lambda: _file(client, channel),
    }
    if app_token := environ.get("SLACK_APP_TOKEN"):
        checks["Socket Mode opens"] = lambda: _socket(client, app_token)
    failed = 0
    for name, check in checks.items():
        try:
            check()
        except (SlackApiError, AssertionError) as error:
            failed += 1
            answer = error.response.data if isinstance(error, SlackApiError) else error
            say(f"FAILED  {name}: {answer}")
        else:
            say(f"ok      {name}")
    return int(failed > 0)


def _scopes(client: WebClient) -> None:
    answer = client.auth_test()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    given = set(re.split(r",\s*", headers.get("x-oauth-scopes", "")))
    manifest = YAML(typ="safe").load((ROOT / "deploy/manifest.socket.yaml").read_text())
    lacking = set(manifest["oauth_config"]["scopes"]["bot"]) - given
    if lacking:
        raise AssertionError(
            f"install the app again from the manifest; missing: {', '.join(sorted(lacking))}"
        )


def _examples(user_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The messages that the tests compare with, as if the bot itself had asked."""
    for path in sorted((ROOT / "tests/golden/slack").glob("*.json")):
        text = re.sub(r"\bU0\w+", user_id, path.read_text())
        found = json.loads(text)
        # A form is no message; a card stands alone, what a job says is a list.
        messages = [found] if isinstance(found, dict) else found
        for number, message in enumerate(one for one in messages if "text" in one):
            yield f"{path.stem}[{number}]", message


def _messages(client: WebClient, channel: str, pause: float) -> None:
    refused = []
    for name, message in _examples(str(client.auth_test()["user_id"])):
        plain = {"parse": "none", "link_names": False, **message}
        try:
            ts = str(client.chat_postMessage(channel=channel, unfurl_links=False, **plain)["ts"])
            client.chat_update(channel=channel, ts=ts, **plain)
            client.chat_delete(channel=channel, ts=ts)
        except SlackApiError as error:
            refused.append(f"{name}: {error.response.data}")
        time.sleep(pause)
    if refused:
        raise AssertionError("\n        ".join(refused))


def _file(client: WebClient, channel: str) -> None:
    parent = str(client.chat_postMessage(channel=channel, text="docktalk: a file follows")["ts"])
    try:
        sent = client.files_upload_v2(
            channel=channel, thread_ts=parent, filename="smoke.txt", content="a line\n" * 100
        )
        if not sent["files"]:
            raise AssertionError("no file came back")
    finally:
        client.chat_delete(channel=channel, ts=parent)


def _socket(client: WebClient, app_token: str) -> None:
    opened = client.apps_connections_open(app_token=app_token)
    if not str(opened["url"]).startswith("wss://"):
        raise AssertionError("no address came back")


if __name__ == "__main__":
    sys.exit(main(os.environ, lambda text: print(text, flush=True)))  # noqa: T201 - the output is the purpose
