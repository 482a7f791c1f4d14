"""The words of a policy as types: ids, names, patterns, moments and spans, each refused with a sentence."""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from permissions.facts import label_problem, target_problem
from permissions.names import pattern_problem
from permissions.verbs import Danger, Kind

ANY_FLAG = "*"

HOST_LABEL = "label:"
"""How a host pattern begins that is about the labels of a host."""

_ID = re.compile(r"[A-Z0-9]+")
_ROLE = re.compile(r"[a-z][a-z0-9-]*")
_FLAG = re.compile(r"[a-z][a-z0-9-]*(?:=[ -~]*)?")
_ANY_FLAG = re.compile(rf"\*|{_FLAG.pattern}")
_HOST = re.compile(r"[A-Za-z0-9_.*?-]+")
_COMMAND = re.compile(r"(?!docker(?: |$))(?:\*|[a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)*(?: \*)?)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d)?(?:[Zz]|[+-]\d\d:\d\d)")
_SPAN = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

_FIND_ID = {
    "user": "open the person's profile in Slack, then ⋮ and “Copy member ID” (U… or W…)",
    "group": "open the user group in Slack, then ⋮ and “Copy group ID” (S…)",
    "channel": "open the channel's details in Slack; its id (C…) stands at the very bottom",
}


def _id(what: str) -> AfterValidator:
    def check(text: str) -> str:
        if _ID.fullmatch(text) is None:
            raise ValueError(f"`{text}` is not the id of a {what}: {_FIND_ID[what]}")
        return text

    return AfterValidator(check)


def _shaped(shape: re.Pattern[str], sentence: str) -> AfterValidator:
    def check(text: str) -> str:
        if shape.fullmatch(text) is None:
            raise ValueError(f"`{text}` {sentence}")
        return text

    return AfterValidator(check)


def target_of(kind: Kind) -> AfterValidator:
    """Checks a target of a kind: see :mod:`permissions.facts`."""

    def check(text: str) -> str:
        if problem := target_problem(kind, text):
            raise ValueError(problem)
        return text

    return AfterValidator(check)


def _host(text: str) -> str:
    if text.startswith(HOST_LABEL):
        if problem := label_problem(text.removeprefix(HOST_LABEL)):
            raise ValueError(problem)
    elif _HOST.fullmatch(text) is None:
        raise ValueError(f"`{text}` is not a host's name; * stands for any letters and ? for one")
    return text


def _gift(text: str) -> str:
    problem = label_problem(text) if "=" in text else pattern_problem(Kind.IMAGE, text)
    if text != ANY_FLAG and problem:
        raise ValueError(f"`{text}` is neither a name to give nor a label, KEY=VALUE")
    return text


def _danger(value: Any) -> Any:
    if isinstance(value, str) and value in Danger.__members__:
        return Danger[value]
    if isinstance(value, Danger):
        return value
    names = ", ".join(f"'{name}'" for name in Danger.__members__)
    raise PydanticCustomError("enum", "not a danger", {"expected": names})


def _moment(value: Any) -> Any:
    if isinstance(value, float):
        return value
    try:
        text = value if _MOMENT.fullmatch(value) else ""
        return datetime.fromisoformat(text.upper()).timestamp()
    except (TypeError, ValueError):
        sentence = "a moment is written with its zone: 2026-03-01T08:00:00Z or 2026-03-01T08:00:00+01:00"
        raise ValueError(sentence) from None


def _span(value: Any) -> Any:
    if isinstance(value, float):
        return value
    read = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if read is None:
        raise ValueError("a span is a number with s, m, h, d or w: 90s, 12h, 7d")
    return float(int(read[1]) * _SECONDS[read[2]])


DangerName = Annotated[Danger, BeforeValidator(_danger), PlainSerializer(lambda danger: danger.name)]
"""A Danger written by its name, in YAML and in JSON."""

Moment = Annotated[float, BeforeValidator(_moment)]
"""Epoch seconds; text with its zone in YAML, a fraction in JSON."""

Span = Annotated[float, BeforeValidator(_span)]
"""Seconds; ``12h`` in YAML, a fraction in JSON."""

RoleName = Annotated[str, _shaped(_ROLE, "is not a role's name: small letters, digits and dashes")]
OnCallName = Annotated[str, _shaped(_ROLE, "is not a rotation's name: small letters, digits and dashes")]
UserId = Annotated[str, _id("user")]
GroupId = Annotated[str, _id("group")]
ChannelId = Annotated[str, _id("channel")]
HostPattern = Annotated[str, AfterValidator(_host)]
CommandPattern = Annotated[
    str,
    _shaped(_COMMAND, "is not a command: write `container restart`, `container *` or `*`, without `docker`"),
]
FlagPattern = Annotated[
    str, _shaped(_FLAG, "is not an option's long name, written without dashes, or NAME=VALUE")
]
AnyFlagPattern = Annotated[
    str, _shaped(_ANY_FLAG, "is not an option's long name, without dashes, NAME=VALUE or `*`")
]
Gift = Annotated[str, AfterValidator(_gift)]
"""A name that may be given, or a label with its value."""
