"""An engine that has a few objects, and decisions of a worker on them."""

import time
from typing import Any

from bot.jobs.live_facts import SecondDecision, live
from handlers.catalogue import load
from handlers.context import segment
from handlers.faults import Denied, Fault, NotFound
from handlers.grammar.parser import parse
from permissions.operation import Operation, Principal, Standing
from permissions.policy import Binding, DenyRule, Policy, Role, Rule
from permissions.ticket import Claims, CommandWire, Effect
from permissions.verbs import Danger
from tests.fakes.engine import FakeStream

CATALOGUE = load()
ROOT, LESS = Danger.ROOT_EQUIVALENT, Danger.INTERRUPTS
SHA, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
PLAIN_HOST = {
    "Privileged": False,
    "CapAdd": None,
    "Binds": None,
    "Devices": [],
    "SecurityOpt": None,
    "PidMode": "",
    "IpcMode": "private",
    "UTSMode": "",
    "UsernsMode": "",
    "NetworkMode": "default",
    "Runtime": "runc",
    "CgroupParent": "",
    "Sysctls": None,
    "MaskedPaths": ["/proc/asound"],
    "ReadonlyPaths": ["/proc/bus"],
}


def container(name: str = "web", *, labels=None, mounts=(), networks=("bridge",), top=None, **host: Any):
    return {
        "Id": "c" * 64,
        "Name": f"/{name}",
        "Image": "sha256:" + "1" * 64,
        "Config": {"Labels": labels},
        "HostConfig": {**PLAIN_HOST, **host},
        "Mounts": list(mounts),
        "NetworkSettings": {"Networks": dict.fromkeys(networks)},
        "AppArmorProfile": "docker-default",
        **(top or {}),
    }


def image(*, tags=(), digests=(), labels=None, id_: str = "sha256:" + "1" * 64):
    config = {"Labels": labels}
    return {"Id": id_, "RepoTags": list(tags), "RepoDigests": list(digests), "Config": config}


def volume(name: str, **more: Any):
    return {"Name": name, "Driver": "local", "Options": None, "Labels": None, **more}


class Host:
    """An engine that has these objects under these names, and nothing else."""

    api_version = (1, 41)

    def __init__(self, **answers: Any) -> None:
        self.asked: list[str] = []
        self.answers = {f"/images/{segment('sha256:' + '1' * 64)}/json": image(tags=("nginx:1",))}
        for kind, named in answers.items():
            for name, answer in named.items():
                end = "/json" if kind in {"containers", "images"} else ""
                self.answers[f"/{kind}/{segment(name)}{end}"] = answer

    def get(self, path: str, query: Any = None, *, headers: Any = None) -> Any:  # noqa: ARG002 - the engine's
        self.asked.append(path)
        answer = self.answers.get(path, NotFound("no such object"))
        if isinstance(answer, Fault):
            raise answer
        return answer


IMAGES = {
    "shop": {"Id": SHA, "RepoTags": ["shop/cart:1"], "RepoDigests": [f"shop/cart@{SHA}"], "Labels": None},
    "secret": {"Id": OTHER, "RepoTags": ["secret:1"], "RepoDigests": [], "Labels": None},
    "nameless": {
        "Id": "sha256:" + "e" * 64,
        "RepoTags": ["<none>:<none>"],
        "RepoDigests": ["<none>@<none>"],
        "Labels": {},
    },
}


def row(name: str, *, labels: Any = None, networks=("bridge",), volumes=(), image_id: str = SHA, **more: Any):
    return {
        "Id": name.encode().hex().ljust(64, "0"),
        "Names": [f"/{name}"],
        "Image": "x",
        "ImageID": image_id,
        "Command": "sleep",
        "Created": 0,
        "State": "running",
        "Status": "Up",
        "Labels": labels,
        "Mounts": [{"Type": "volume", "Name": volume} for volume in volumes],
        "NetworkSettings": {"Networks": dict.fromkeys(networks)},
        **more,
    }


CONTAINERS = [
    row("web", labels={"tier": "web"}, Names=["/other/alias", "/web"]),
    row("secret-db", networks=("back",), volumes=("money",), image_id=OTHER),
    row("cart", labels={"tier": "shop"}),
]


class Listing(Host):
    """A host whose listings say this."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(images={SHA: image(tags=("shop/cart:1",), digests=(f"shop/cart@{SHA}",), id_="i")})
        self.answers[f"/images/{segment(OTHER)}/json"] = image(tags=("secret:1",), id_=OTHER)
        volumes = [
            {"Name": name, "Driver": "local", "Labels": {"tier": name}, "Mountpoint": "/x", "Scope": "local"}
            for name in ("data", "money")
        ]
        networks = [
            {"Name": name, "Id": name.encode().hex(), "Driver": "bridge", "Scope": "local", "Labels": None}
            for name in ("front", "back")
        ]
        self.answers |= {
            "/containers/json": CONTAINERS,
            "/images/json": list(IMAGES.values()),
            "/volumes": {"Volumes": volumes, "Warnings": None},
            "/networks": networks,
            "/system/df": {
                "LayersSize": 7,
                "Containers": CONTAINERS,
                "Images": list(IMAGES.values()),
                "Volumes": volumes,
                "BuildCache": None,
            },
            **answers,
        }
        self.events: list[dict[str, Any]] = []

    def watch(self, path: str, query: Any = None, *, on_cancel: Any = None) -> FakeStream:  # noqa: ARG002
        self.asked.append(path)
        return FakeStream(self.events)


def found(line: str, host: Host) -> Operation:
    """What a line does to what that host has."""
    return live(host, parse(line, CATALOGUE).command.operation("local"))


ANA = Principal(team_id="T", user_id="U1", name="ana", standing=Standing.MEMBER, as_of=time.time())


def policy(*rules: Rule, deny: tuple[DenyRule, ...] = (), **binding: Any) -> Policy:
    bound = Binding(**{"role": "r", "users": ("U1",), **binding})
    return Policy(version=1, roles={"r": Role(rules=rules)}, bindings=(bound,), deny=deny)


def claims(line: str, **changes: Any) -> tuple[Claims, Any]:
    command, now = parse(line, CATALOGUE).command, time.time()
    fields = {
        "job_id": "J-1",
        "nonce": "n",
        "host": "local",
        "effect": Effect.CHANGE,
        "command": CommandWire(path=command.path, fields={}),
        "operation": command.operation("local"),
        "principal": ANA,
        "policy": "p",
        "channel_id": "C1",
        "rule": "role r, rule 1",
        "issued_at": now,
        "not_after": now + 60,
        "deadline": 30.0,
    }
    return Claims.model_validate({**fields, **changes}), command


def decided(made: Policy, line: str, host: Host, **changes: Any) -> str:
    """The rule that denies; "" for a job that may run."""
    try:
        SecondDecision(None, host).check(made, *claims(line, **changes))
    except Denied as denied:
        return denied.rule
    return ""
