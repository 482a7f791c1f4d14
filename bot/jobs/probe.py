"""A look at what a job would do, for those who are to agree to it: nothing is run, nothing is changed."""

import json
import time
from collections.abc import Iterator
from typing import Any

import structlog

from bot.jobs.bound import bound, inspected
from bot.jobs.context import JobContext
from bot.jobs.live_facts import SecondDecision
from bot.jobs.results import INTERNAL
from bot.jobs.wire import Probed, Target
from handlers.container.inspect import ContainerInspect
from handlers.container.logs import ContainerLogs
from handlers.context import Engine, Json, Query, segment
from handlers.dry_run import rehearse
from handlers.faults import Fault, NotFound, Reason
from handlers.format.ports import ports
from handlers.grammar.command import Command
from handlers.redact import secret_values
from permissions.approval import Bound
from permissions.decision import Allow
from permissions.policy import Policy
from permissions.ticket import Claims
from permissions.verbs import Kind

log = structlog.get_logger(__name__)

LOG_LINES = 5
MOST_CALLS = 50
MOST_PEERS, MOST_LOOKED_AT = 10, 30
MOST_OF_A_SET = 3
"""How many of what a prune would remove are looked at more closely: a card shows no more of them."""
LINE_CHARACTERS = 500


class Probe:
    """Looks; ``engine`` is only read from."""

    def __init__(self, engine: Engine, second: SecondDecision) -> None:
        self._engine = engine
        self._second = second

    def look(
        self, claims: Claims, policy: Policy, command: Command, context: JobContext, worker: str
    ) -> Probed:
        """What it would touch and ask of the engine, and the terms on which it may; never raises."""
        found: dict[str, Any]
        try:
            found = self._found(claims, policy, command, context)
        except Fault as fault:
            said = f"{fault.message} {fault.hint}".strip()
            found = {"reason": fault.reason, "message": context.masked(said)}
        except Exception as error:  # noqa: BLE001 - whatever happens, those who wait are answered
            log.error("look failed inside", job_id=claims.probes, error=type(error).__name__)  # noqa: TRY400
            found = {"reason": Reason.INTERNAL, "message": INTERNAL}
        finally:
            context.output.close()
        return Probed(job_id=claims.probes, worker=worker, at=time.time(), **found)

    def _found(self, claims: Claims, policy: Policy, command: Command, context: JobContext) -> dict[str, Any]:
        decision = self._second.decision(policy, claims, command)
        targets = bound(command, context, command.operation(claims.host))
        # Every object of a set makes a call at least: of those that are not shown none needs to be found.
        rehearsed = rehearse(command.only(targets[:MOST_CALLS]), context)
        if rehearsed.failures:
            failed = rehearsed.failures[0]
            raise Fault(failed.message, reason=Reason(failed.reason))
        return {
            "targets": tuple(
                self._target(one, claims, policy, context)
                if not one.of_set or number < MOST_OF_A_SET
                else Target(bound=one)
                for number, one in enumerate(targets)
            ),
            "calls": tuple(context.masked(line)[:LINE_CHARACTERS] for line in rehearsed.lines[:MOST_CALLS]),
            "terms": None if isinstance(decision, Allow) else decision.terms,
            "rule": decision.rule,
            "excepted": () if isinstance(decision, Allow) else decision.excepted,
        }

    def _target(self, one: Bound, claims: Claims, policy: Policy, context: JobContext) -> Target:
        """An object as it fares now, as far as its asker may be shown it there."""
        if one.kind is not Kind.CONTAINER or not one.id:
            return Target(bound=one)
        if not self._second.may(policy, claims, ContainerInspect(containers=(one.id,))):
            return Target(bound=one)
        try:
            return self._container(one, claims, policy, context)
        except NotFound:
            return Target(bound=one)

    def _container(self, one: Bound, claims: Claims, policy: Policy, context: JobContext) -> Target:
        filters = json.dumps({"id": [one.id]})
        listed = self._engine.get("/containers/json", {"all": True, "filters": filters})
        found = self._engine.get(f"/containers/{segment(one.id)}/json")
        told = listed[0] if listed else {}
        state = found["State"]
        log = ""
        if self._second.may(policy, claims, ContainerLogs(container=one.id, tail=str(LOG_LINES))):
            log = self._log(one.id, found, context)
        return Target(
            bound=one,
            state=str(told.get("Status") or state.get("Status", "")),
            image=str(found["Config"]["Image"]),
            restarts=int(found.get("RestartCount") or 0),
            exit_code=None if state.get("Running") else int(state.get("ExitCode") or 0),
            ports=ports(told.get("Ports") or []),
            peers=tuple(self._peers(found, claims, policy))[:MOST_PEERS],
            log=tuple(line[:LINE_CHARACTERS] for line in log.splitlines()[-LOG_LINES:]),
        )

    def _log(self, container: str, found: Json, context: JobContext) -> str:
        """Its last lines, redacted as any output is."""
        if context.masks:
            context.masks.add(secret_values(found["Config"].get("Env") or []))
        path = f"/containers/{segment(container)}/logs"
        query: Query = {"stdout": True, "stderr": True, "tail": str(LOG_LINES)}
        tty = bool(found["Config"]["Tty"])
        frames = self._engine.frames("GET", path, query, tty=tty, on_cancel=context.on_cancel)
        try:
            text = b"".join(data for _, data in frames).decode("utf-8", "replace")
        except Fault:
            return ""  # a log driver that cannot be read: the card goes without
        finally:
            frames.close()
        return context.masked(text)

    def _peers(self, found: Json, claims: Claims, policy: Policy) -> Iterator[str]:
        """The other containers of its networks that the asker may be shown: they may feel it."""
        peers: dict[str, str] = {}
        for network in (found["NetworkSettings"]["Networks"] or {}).values():
            shared = network.get("NetworkID") and inspected(self._engine, Kind.NETWORK, network["NetworkID"])
            members = (shared or {}).get("Containers") or {}
            peers |= {str(member.get("Name")): container for container, member in members.items()}
        peers.pop(str(found["Name"]).removeprefix("/"), None)
        for name in sorted(peers)[:MOST_LOOKED_AT]:
            if self._second.may(policy, claims, ContainerInspect(containers=(peers[name],))):
                yield name
