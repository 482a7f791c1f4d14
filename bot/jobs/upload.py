"""Sends a stored output to a URL that the bot obtained and sealed to this host."""

import http.client
import ssl
from collections.abc import Collection
from typing import Protocol
from urllib.parse import urlsplit

SECONDS = 60.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Readable(Protocol):
    """What is sent."""

    def read(self, size: int = ..., /) -> bytes:
        """At most ``size`` further bytes."""
        ...


class UploadFailed(Exception):  # noqa: N818 - reads as a sentence
    """The output was not sent; the sentence is for people and names no part of the URL but its host."""


def send(url: str, file: Readable, size: int, hosts: Collection[str]) -> None:
    """Posts the file's ``size`` bytes; redirects are not followed. Raises UploadFailed.

    Only the listed ``hosts`` are written to, by https; a listed loopback address may be plain http.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise UploadFailed("The upload address cannot be read.") from None
    if host not in hosts:
        raise UploadFailed("The upload address is not on the list of DOCKTALK_UPLOAD_HOSTS.")
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=SECONDS, context=ssl.create_default_context()
        )
    elif parts.scheme == "http" and host in _LOOPBACK:
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    else:
        raise UploadFailed("The upload address is not https.")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
    try:
        connection.request("POST", path, body=file, headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        # The error's text may repeat the address, which is a secret.
        raise UploadFailed(f"{host} could not be reached ({type(error).__name__}).") from None
    finally:
        connection.close()
    if status != http.client.OK:
        raise UploadFailed(f"{host} answered {status}.")
