"""The stand-in starts nowhere near a real workspace."""

import pytest

from bot.standin.guard import UnsafeSurroundingsError, check_surroundings
from bot.standin.server import StandIn

BAD = {
    "a real bot token": ({"SLACK_BOT_TOKEN": "xoxb-123-abc"}, "SLACK_BOT_TOKEN"),
    "a real app token of ours": ({"DOCKTALK_SLACK_APP_TOKEN": "xapp-1-A-2-b"}, "DOCKTALK_SLACK_APP_TOKEN"),
    "a user token": ({"SLACK_USER_TOKEN": "xoxp-1-2"}, "SLACK_USER_TOKEN"),
    "a rotated token": ({"SLACK_TOKEN": "xoxe.xoxb-1-Mi0x"}, "SLACK_TOKEN"),
    "a token in capitals": ({"SLACK_TOKEN": "XOXB-1-2"}, "SLACK_TOKEN"),
    "a token inside another value": ({"SLACK_STUFF": "a=xoxb-1-2;b"}, "SLACK_STUFF"),
    "the real API": ({"DOCKTALK_SLACK_API_URL": "https://slack.com/api/"}, "DOCKTALK_SLACK_API_URL"),
    "another host's API": ({"SLACK_API_URL": "http://127.0.0.1.example.com:99/api/"}, "SLACK_API_URL"),
    "another port's API": ({"SLACK_API_URL": "http://127.0.0.1:98/api/"}, "SLACK_API_URL"),
}


@pytest.mark.parametrize("name", BAD)
def test_it_does_not_start_beside(name):
    environ, culprit = BAD[name]
    with pytest.raises(UnsafeSurroundingsError, match=culprit) as caught:
        check_surroundings(environ, "127.0.0.1", 99)
    assert not any(value in str(caught.value) for value in environ.values())


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"SLACK_BOT_TOKEN": ""},
        {"DOCKTALK_SLACK_BOT_TOKEN": "xoxb-standin-0123", "DOCKTALK_SLACK_APP_TOKEN": "xapp-standin-0123"},
        {"DOCKTALK_SLACK_API_URL": "http://127.0.0.1:99/api/"},
        {"DOCKTALK_SLACK_MODE": "http"},
        {"OTHER_TOKEN": "xoxb-1-2"},
    ],
)
def test_it_starts_beside(environ):
    check_surroundings(environ, "127.0.0.1", 99)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.com", "127.0.0.1.example.com", ""])  # noqa: S104
async def test_it_listens_on_loopback_only(host):
    with pytest.raises(UnsafeSurroundingsError, match="loopback only"):
        await StandIn(host=host).start(environ={})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9", "::1"])
def test_loopback_has_several_names(host):
    check_surroundings({}, host, 0)


async def test_the_processs_own_environment_is_looked_at(monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-123-abc")
    with pytest.raises(UnsafeSurroundingsError):
        await StandIn().start()


def test_its_own_tokens_are_told_from_real_ones():
    made = StandIn()
    environ = {"SLACK_BOT_TOKEN": made.bot_token, "SLACK_APP_TOKEN": made.app_token}
    check_surroundings(environ, "127.0.0.1", 0)
