"""The stand-in starts on loopback only and never beside real tokens: no test may talk to a real workspace."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_TOKEN = re.compile(r"\b(xox[a-z]|xapp|xwfp)-[\w.-]+", re.IGNORECASE)
_NAMED = re.compile(r"^(DOCKTALK_)?SLACK_", re.IGNORECASE)
OWN = "standin"
"""Stands in every token the stand-in makes, so that its own are known from real ones."""


class UnsafeSurroundingsError(RuntimeError):
    """The stand-in will not run here; the message says why and what to do."""


def check_surroundings(environ: Mapping[str, str], host: str, port: int) -> None:
    """Raises UnsafeSurroundingsError beside real tokens, another API's URL, or off loopback.

    A URL of our own is one on this very address and port; port 0 (any) knows none.
    """
    if not _loopback(host):
        raise UnsafeSurroundingsError(f"The stand-in of Slack listens on loopback only, not on {host}.")
    for name, value in environ.items():
        if not _NAMED.match(name) or not value:
            continue
        token = _TOKEN.search(value)
        if token and f"-{OWN}-" not in token.group():
            raise UnsafeSurroundingsError(
                f"{name} holds what looks like a real Slack token ({token.group(1)}-…). "
                f"The stand-in does not start beside one: unset {name} first."
            )
        if name.upper().endswith("API_URL") and not _own_url(value, host, port):
            raise UnsafeSurroundingsError(
                f"{name} points to another Slack than the stand-in. Unset {name} first."
            )


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _own_url(value: str, host: str, port: int) -> bool:
    url = urlsplit(value)
    return url.hostname == host and url.port == port and url.path.rstrip("/") == "/api"
