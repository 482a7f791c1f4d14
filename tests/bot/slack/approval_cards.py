"""Approvals for the tests of their cards, and what every card has to pass."""

import json
from collections.abc import Iterator
from functools import cache
from html import unescape

from slack_sdk.models.blocks import Block as SdkBlock
from slack_sdk.models.views import View

from bot.jobs.wire import Probed, Target
from bot.slack import cards
from bot.slack.blocks import MESSAGE_CHARS, TEXT_CHARS, size
from bot.standin.limits import block_problems, view_problems
from bot.store.approvals import Asked
from bot.store.records import Draft
from permissions.approval import Approval, Bound, State, Step, Terms, Threshold, Vote, Voter
from permissions.operation import Operation, Principal, Resource, Standing
from permissions.ticket import CommandWire, Mode
from permissions.verbs import Danger, Kind, Verb

from .conftest import record

ASKED = 1_790_000_000.0
SRE, LEADS = "S0SRE", "S0LEADS"
BUTTONS = {cards.APPROVE, cards.DENY, cards.DETAILS, cards.WHO_CAN, cards.WITHDRAW}

TERMS = Terms(
    any=(
        Threshold(steps=(Step(people=2, groups=(SRE,)),)),
        Threshold(steps=(Step(roles=("lead",)), Step(users=("U09EVE",)))),
        Threshold(steps=(Step(groups=(LEADS,), roles=("lead",)),), after=600.0),
        Threshold(steps=(Step(groups=(SRE,)),), reason="INC-*"),
    )
)
WEB = Target(
    bound=Bound(
        kind=Kind.CONTAINER,
        name="web",
        id="4f1c2d9ab310" + "0" * 52,
        image="sha256:" + "a" * 64,
        parts={"Config": "1", "HostConfig": "2", "Mounts": "3", "networks": "4"},
    ),
    state="Up 3 hours (healthy)",
    image="nginx:1.27",
    restarts=2,
    exit_code=137,
    ports="0.0.0.0:80->80/tcp",
    peers=("api", "db", "cache", "mail"),
    log=tuple(f"GET /{number} 200" for number in range(9)),
)
API = Target(
    bound=Bound(kind=Kind.CONTAINER, name="api", id="b" * 64), state="Exited (1) 5 minutes ago", exit_code=1
)
PROBED = Probed(
    job_id="J-1",
    worker="w",
    targets=(WEB,),
    calls=("POST /containers/4f1c2d9ab310/restart?t=2",),
    at=ASKED + 1,
)
MANY = PROBED.model_copy(
    update={
        "targets": (
            WEB,
            API.model_copy(update={"log": ("boot", "panic: <!channel>")}),
            *(
                API.model_copy(update={"bound": API.bound.model_copy(update={"name": f"old-{n}"})})
                for n in range(5)
            ),
        )
    }
)
YES = Vote(user_id="U02BOB", name="bob", approves=True, at=ASKED + 60)
NO = Vote(user_id="U03CAROL", name="carol", approves=False, reason="drain it first", at=ASKED + 90)
BOB = Voter(user_id="U02BOB", standing=Standing.MEMBER, groups=(SRE,))


def asked(
    state: State = State.OPEN,
    *,
    probed: Probed | None = PROBED,
    verb: Verb = Verb.OPERATE,
    danger: Danger = Danger.INTERRUPTS,
    names: tuple[str, ...] = ("web",),
    rule: str = "prod-changes",
    line: dict | None = None,
    **approval,
) -> Asked:
    """An approval of ``docker container restart web -t 2``; the line's own record takes ``line``."""
    of_job = record(**(line or {}))
    command = of_job.command
    operation = Operation(
        command=command,
        verb=verb,
        danger=danger,
        resources=tuple(Resource(kind=Kind.CONTAINER, name=name) for name in names),
        host="prod-1",
    )
    of_job = of_job.model_copy(update={"operation": operation})
    looked_at = probed is not None and not probed.reason
    return Asked(
        token="opaque-token",
        probe_key="00" * 32,
        approval=Approval.model_validate(
            {
                "job_id": of_job.job_id,
                "revision": 3,
                "asker_id": "U01ALICE",
                "reason": "web does not answer",
                "terms": TERMS,
                "asked_at": ASKED,
                "bound": tuple(one.bound for one in probed.targets) if looked_at else None,
                "state": state,
                **({} if state is State.OPEN else {"ended_at": ASKED + 120}),
            }
            | approval
        ),
        draft=Draft(
            record=of_job,
            command=CommandWire(path=command, fields={"containers": ["web"]}),
            mode=Mode.RUN,
            lane="changes",
            nonce="n",
        ),
        principal=Principal(
            team_id="T0STANDIN", user_id="U01ALICE", name="alice", standing=Standing.MEMBER, as_of=ASKED
        ),
        policy="p" * 64,
        rule=rule,
        probed=probed,
    )


def removed(state: State = State.OPEN, **changes) -> Asked:
    """The same of a line that loses data, about several containers."""
    values = {
        "verb": Verb.DESTROY,
        "danger": Danger.LOSES_DATA,
        "names": ("web", "api"),
        "line": {"shown": "docker container rm --force web api", "command": "container rm"},
        "probed": MANY,
    }
    return asked(state, **(values | changes))


MOVED = "container web is another one: 4f1c2d9ab310, was c01d33fe8a10\ncontainer api: Mounts has changed"
UNSEEN = Probed(job_id="J-1", worker="w", reason="not_found", message="No such container: web.", at=ASKED + 1)


def texts(part) -> Iterator[str]:
    """Every piece of text that people see or hear, wherever it stands."""
    if isinstance(part, dict):
        for key in ("text", "accessibility_label", "fallback"):
            if isinstance(part.get(key), str):
                yield part[key]
        for value in part.values():
            yield from texts(value)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from texts(value)


def said(message) -> str:
    return "".join(texts(message.blocks))


def buttons(message) -> dict[str, dict]:
    found = [
        element for block in message.blocks if block["type"] == "actions" for element in block["elements"]
    ]
    return {element["action_id"]: element for element in found}


@cache
def parsed(block: str) -> SdkBlock:
    """The block as Slack's own models know it; fails unless they take it, or if it parses any text.

    Many messages share blocks, and parsing is slow.
    """
    known = SdkBlock.parse(json.loads(block))
    assert known is not None
    known.validate_json()
    assert '"mrkdwn"' not in block
    return known


def check(message):
    """Fails unless Slack's own models and the stand-in both take the message, and it parses nothing."""
    for block in message.blocks:
        parsed(json.dumps(block))
    assert block_problems(list(message.blocks)) == []
    assert 0 < size(unescape(message.text)) <= TEXT_CHARS
    assert size("".join(texts(message.blocks))) <= MESSAGE_CHARS
    return message


def check_view(view):
    assert view_problems(view) == []
    blocks = [parsed(json.dumps(block)) for block in view["blocks"]]
    around = {key: value for key, value in view.items() if key != "blocks"}
    View(**around, blocks=blocks).validate_json()
    assert '"mrkdwn"' not in json.dumps(around)
    return view
