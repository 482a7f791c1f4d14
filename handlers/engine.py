"""The Docker Engine over docker's SDK: the one place that imports it.

One shared client per engine. Whoever waits can be ended from another thread: each call knows the
connection it waits on and shuts it down. The client never sees the worker's own docker configuration,
proxies or netrc: what a person may use is passed per call.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from json import JSONDecodeError
from typing import Any, NoReturn

import docker
import requests
import urllib3

from handlers.context import Json, OnCancel, Query
from handlers.engine_streams import Frames, Objects
from handlers.engine_transport import Call, Current, UnixAdapter, watch
from handlers.faults import Cancelled, Conflict, EngineFault, Fault, NotFound, OutcomeUnknown, Unreachable

NEWEST_API = (1, 50)
"""The newest API version whose requests and answers the commands know."""

CONNECT_SECONDS = 10.0
PIECE = 64 * 1024
"""The most bytes that are read at once."""

ANSWER_SECONDS = 120.0
"""How long a quick call may take; calls that can be cancelled wait without a limit of their own."""

_NOT_SENT = (FileNotFoundError, PermissionError, ConnectionRefusedError, NotADirectoryError)


class _Client(docker.APIClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's client without the worker's own docker configuration, which it reads when it is made.

    Logins, credential helpers, proxies and extra headers of that file would become the asker's.
    """

    @property
    def _general_configs(self) -> dict[str, Any]:
        # Not empty: the SDK would look into the file once more.
        return {"auths": {}}

    @_general_configs.setter
    def _general_configs(self, read: object) -> None:
        """Drops what was read, whatever it is."""


class DockerEngine:
    """The engine at ``base_url`` (``unix:///…``, ``tcp://…``); ``slots`` connections are kept open.

    Nothing is asked of the engine before the first call: an engine that is down raises Unreachable
    then, and is asked again at the next call.
    """

    def __init__(self, base_url: str, *, slots: int = 16) -> None:
        self._url = base_url
        # A version given here keeps the SDK from asking the engine while it is being made.
        self._client = _Client(base_url, version="1.41", timeout=ANSWER_SECONDS, max_pool_size=slots)
        self._client._auth_configs = docker.auth.AuthConfig({})  # noqa: SLF001 - the SDK's only way
        self._client.trust_env = False  # no proxies, netrc or certificates of the environment
        if base_url.startswith("unix://"):
            path = base_url.removeprefix("unix://")
            self._client.mount("http+docker://", UnixAdapter(path, slots))
        self._current = Current()
        for adapter in self._client.adapters.values():
            watch(adapter, self._current)
        self._version: tuple[int, int] | None = None
        self._negotiating = threading.Lock()

    def close(self) -> None:
        """Closes the idle connections."""
        self._client.close()

    @property
    def api_version(self) -> tuple[int, int]:
        """The older of what the engine and the commands speak; raises Unreachable."""
        if self._version is None:
            with self._negotiating:
                if self._version is None:
                    self._version = self._negotiate()
        return self._version

    def get(self, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Json:
        """A GET whose answer is JSON."""
        return self._json("GET", path, query, headers=headers)

    def post(
        self,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_cancel: OnCancel | None = None,
    ) -> Json:
        """A POST; the decoded JSON answer or None. With ``on_cancel`` it waits as long as it takes."""
        return self._json("POST", path, query, body, headers=headers, on_cancel=on_cancel)

    def delete(self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None) -> Json:
        """A DELETE; the decoded JSON answer or None."""
        return self._json("DELETE", path, query, on_cancel=on_cancel)

    def progress(
        self,
        path: str,
        query: Query | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_cancel: OnCancel | None = None,
    ) -> Objects:
        """A POST that has been sent and whose answer is a stream of JSON objects."""
        call = Call()
        response = self._stream("POST", path, query, call, headers=headers, on_cancel=on_cancel)
        return Objects(_Body(response), call, self._broken)

    def watch(self, path: str, query: Query | None = None, *, on_cancel: OnCancel | None = None) -> Objects:
        """A GET that has been sent and whose answer is a stream of JSON objects."""
        call = Call()
        response = self._stream("GET", path, query, call, headers=None, on_cancel=on_cancel)
        return Objects(_Body(response), call, self._broken)

    def frames(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        tty: bool,
        on_cancel: OnCancel | None = None,
    ) -> Frames:
        """A container's output. A POST takes the connection over, as the CLI does.

        There is no stdin to forward: where it may have been asked for, it is closed at once.
        """
        call = Call()
        hijack = method == "POST"
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"} if hijack else None
        response = self._stream(
            method, path, query, call, body=body, headers=upgrade, on_cancel=on_cancel, hijack=hijack
        )
        # A body is that of an exec, whose stdin was decided on when it was made.
        if hijack and (body is not None or (query and query.get("stdin"))):
            call.close_stdin()
        return Frames(_Body(response, hijacked=hijack), call, self._broken, tty=tty)

    def _negotiate(self) -> tuple[int, int]:
        response = self._send("GET", "/version", None, Call(), wait=CONNECT_SECONDS, versioned=False)
        # The header is what the CLI goes by; a proxy before the engine may allow less than the engine can.
        told = response.headers.get("Api-Version") or self._decoded(response).get("ApiVersion", "")
        major, _, minor = str(told).partition(".")
        if not (major.isdigit() and minor.isdigit()):
            raise EngineFault(f"{self._url} does not speak the Docker Engine API")
        return min((int(major), int(minor)), NEWEST_API)

    def _json(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Json | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        on_cancel: OnCancel | None = None,
    ) -> Json:
        call = Call()
        wait = ANSWER_SECONDS
        if on_cancel is not None:
            on_cancel(call.close)
        response = self._send(
            method, path, query, call, body=body, headers=headers, wait=None if on_cancel else wait
        )
        self._raise_for(response)
        return self._decoded(response)

    def _stream(
        self,
        method: str,
        path: str,
        query: Query | None,
        call: Call,
        *,
        headers: Mapping[str, str] | None,
        on_cancel: OnCancel | None,
        body: Json | None = None,
        hijack: bool = False,
    ) -> requests.Response:
        if on_cancel is not None:
            on_cancel(call.close)
        response = self._send(method, path, query, call, body=body, headers=headers, wait=None, stream=True)
        if hijack and response.status_code != 101:
            response.close()
            raise Fault(
                f"unable to upgrade to tcp, received {response.status_code}", reason=EngineFault.reason
            )
        self._raise_for(response)
        return response

    def _send(
        self,
        method: str,
        path: str,
        query: Query | None,
        call: Call,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        wait: float | None = ANSWER_SECONDS,
        stream: bool = False,
        versioned: bool = True,
    ) -> requests.Response:
        prefix = "/v{}.{}".format(*self.api_version) if versioned else ""
        url = f"{self._client.base_url}{prefix}{path}"
        self._current.call = call
        try:
            return self._client.request(  # type: ignore[no-any-return]
                method,
                url,
                params=_params(query),
                json=body,
                headers=dict(headers or {}),
                timeout=(CONNECT_SECONDS, wait),
                stream=stream,
                allow_redirects=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if call.closed:
                raise Cancelled("The call to the engine was ended") from None
            raise self._broken(error, changes=method != "GET") from error
        finally:
            self._current.call = None

    def _broken(self, error: Exception, *, changes: bool = False) -> Fault:
        """What a transport error means: a change that was sent may have been done."""
        if _sent(error):
            if changes:
                return OutcomeUnknown(
                    "The connection to the Docker Engine broke before it answered",
                    hint="Look at the target before you try again.",
                )
            return Unreachable("The connection to the Docker Engine broke before it had answered in full")
        # Whatever comes up there later may be another engine.
        self._version = None
        return Unreachable(
            f"Cannot connect to the Docker daemon at {self._url}. Is the docker daemon running?",
            hint="Nothing was done. Ask whoever runs this host.",
        )

    def _raise_for(self, response: requests.Response) -> None:
        # A redirect is no answer: only a path that was cleaned up on the way leads to one.
        if response.status_code < 300 or response.status_code == 304:
            return
        try:
            message = _message(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._broken(error) from error
        finally:
            response.close()
        _refuse(response.status_code, message)

    def _decoded(self, response: requests.Response) -> Json:
        if not response.content:
            return None
        try:
            return response.json()
        except (JSONDecodeError, requests.JSONDecodeError):
            raise EngineFault("The engine's answer is not JSON") from None


def _refuse(status: int, message: str) -> NoReturn:
    kinds: dict[int, type[EngineFault]] = {404: NotFound, 409: Conflict}
    raise kinds.get(status, EngineFault)(message)


def _message(response: requests.Response) -> str:
    """The engine's own sentence, or the CLI's about its lack."""
    try:
        answer = response.json()
    except (JSONDecodeError, requests.JSONDecodeError):
        answer = None
    if isinstance(answer, dict) and answer.get("message"):
        return str(answer["message"]).strip()
    if response.text.strip() and answer is None:
        return response.text.strip()
    return (
        f"request returned {response.status_code} {response.reason} for API route "
        f"{response.request.path_url}, check if the server supports the requested API version"
    )


def _params(query: Query | None) -> dict[str, str | list[str]]:
    def text(value: str | int | bool | tuple[str, ...]) -> str | list[str]:
        if isinstance(value, tuple):
            return list(value)
        return str(int(value)) if isinstance(value, bool) else str(value)

    return {name: text(value) for name, value in (query or {}).items() if value is not None}


def _sent(error: BaseException) -> bool:
    """Whether the engine may have received the request."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (*_NOT_SENT, urllib3.exceptions.NewConnectionError, requests.ConnectTimeout)):
            return False
        inner = [arg for arg in seen.args if isinstance(arg, BaseException)]
        reason = getattr(seen, "reason", None)
        seen = inner[0] if inner else reason if isinstance(reason, BaseException) else seen.__cause__
    return True


class _Body:
    """The body of an answer as it arrives; of a connection that was taken over, all that comes on it."""

    def __init__(self, response: requests.Response, *, hijacked: bool = False) -> None:
        self._response = response
        self._hijacked = hijacked

    def __iter__(self) -> Iterator[bytes]:
        with self._response as response:
            if not self._hijacked:
                yield from response.raw.stream(PIECE, decode_content=False)
                return
            # The buffered reader: the first frames may have come together with the headers.
            read: Callable[[int], bytes] = response.raw._fp.fp.read1  # noqa: SLF001 - as the SDK does
            while data := read(PIECE):
                yield data

    def close(self) -> None:
        self._response.close()
