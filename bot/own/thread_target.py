"""What the lines of a thread are about: ``use prod-1/web`` says it once, and the lines after it leave it out.

Reads follow it freely. A change that took its host or its object from there says first where it would go, and
needs one click; the line behind the button names both, so that nothing said meanwhile changes where it goes.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.hosts import Host, Hosts
from bot.jobs.queue import StoreDown
from bot.own.said import Said
from bot.own.use_lines import Use
from bot.policy.sight import MISSING, is_missing, named_host, seen_hosts
from bot.reply import Help, Told, Unconfirmed
from bot.request import Origin, Request
from bot.store.corrections import Corrections
from bot.store.inventory import Inventories
from bot.store.thread_targets import IDLE_SECONDS, ThreadTarget, ThreadTargets
from handlers.catalogue import Catalogue
from handlers.faults import Fault, Reason, UsageFault
from handlers.grammar.command import Command
from handlers.grammar.mask import masked
from handlers.grammar.parser import HelpAsked, Parsed, parse
from permissions.operation import Operation, Principal
from permissions.verbs import Kind

_PROGRAM = re.compile(r"\s*/?docker\s+")
_ID = re.compile(r"[0-9a-f]{6,64}")
"""What may be the beginning of a container's id."""


@dataclass(frozen=True)
class Spoken:
    """A line with what it left out: ``request`` and ``parsed`` are the whole one.

    ``target`` is where it was taken from, None where the line named everything itself.
    """

    request: Request
    parsed: Parsed | HelpAsked
    target: ThreadTarget | None = None


class Sight(Protocol):
    """Which hosts somebody sees."""

    async def seen(self, principal: Principal, channel_id: str, bound: Hosts) -> Hosts:
        """The ``bound`` ones, and those of roles lent for a time; raises StoreDown."""
        ...


@dataclass(frozen=True)
class TargetDesk:
    """Answers ``use``, and completes the lines of threads; methods raise Fault.

    ``lending`` tells which hosts somebody sees by a role lent for a time; ``clock`` is epoch seconds.
    """

    store: ThreadTargets
    hosts: Hosts
    lending: Sight
    inventories: Inventories
    catalogue: Catalogue
    corrections: Corrections
    clock: Callable[[], float]

    lines = (Use,)

    async def read(self, request: Request) -> Spoken:
        """The line as it is meant; raises UsageFault as the parser does, and StoreDown."""
        try:
            parsed = parse(request.text, self.catalogue)
        except UsageFault as fault:
            if fault.reason is not Reason.WRONG_ARGUMENTS:
                raise
            found = await self._about(request)
            named = self._with_container(request.text, found) if found else None
            if found is None or named is None:
                raise
            return self._whole(request, f"{request.text} {found.container}", named.host, found)
        if isinstance(parsed, HelpAsked) or parsed.host is not None:
            return Spoken(request, parsed)
        target = await self._of(request)
        return self._whole(request, request.text, None, target) if target else Spoken(request, parsed)

    def host(self, spoken: Spoken, seen: Hosts) -> Host:
        """The host that a whole line is for, if it is ``seen``; raises Fault.

        The name that somebody else gave the thread is told to nobody who may not see that host.
        """
        named = None if isinstance(spoken.parsed, HelpAsked) else spoken.parsed.host
        if spoken.target is not None and self.hosts.find(named) not in seen.known:
            raise Fault(
                "This thread's target is a host that you may not use here. Nothing was run.",
                hint="Name a host of yours: -H HOST.",
                reason=Reason.UNKNOWN_HOST,
            )
        return named_host(self.hosts, named, seen)

    async def question(self, spoken: Spoken, operation: Operation) -> Unconfirmed | None:
        """What has to be confirmed before a change goes where the thread's target says; None for nothing."""
        request = spoken.request
        if spoken.target is None or not self.asks_first(spoken, operation):
            return None
        line, _ = masked(request.text, None, self.catalogue)
        objects = tuple(one.name for one in operation.resources)
        return Unconfirmed(
            reason=Reason.UNCONFIRMED,
            message=f"Not run yet: this would go to {operation.host}",
            line=line,
            suggestion=line,
            correction_id=await self.corrections.keep(request, confirmed=True),
            host=operation.host,
            objects=objects,
            set_by=spoken.target.user_id,
        )

    def asks_first(self, spoken: Spoken, operation: Operation) -> bool:
        """Whether its asker has to say yes to where the thread's target lets it go."""
        parsed = spoken.parsed
        if spoken.target is None or operation.verb.reads or isinstance(parsed, HelpAsked):
            return False
        return not (parsed.dry_run or parsed.command.question())  # nothing changes yet, or it asks by itself

    async def answer(self, line: Command, said: Said) -> Help:
        """Gives this thread its target, forgets it, or shows it."""
        if not isinstance(line, Use):
            raise TypeError(f"{line.path} is no line about a thread's target")
        request = said.request
        if not request.thread_ts:
            raise Fault(
                "Only a thread has a target, and a slash command is in none.",
                hint="Mention me in the thread: `@docktalk use prod-1/web`.",
                reason=Reason.NOT_OFFERED,
            )
        before = await self.store.of(request.channel_id, request.thread_ts)
        bound = seen_hosts(said.policy, said.principal, request.channel_id, self.hosts, self.clock())
        seen = await self.lending.seen(said.principal, request.channel_id, bound)
        if line.clear or line.target is None:
            # Without it the lines of others go to the default host: who may not use it takes it from nobody.
            if before is None or self.hosts.find(before.host) not in seen.known:
                text = "This thread has no target that you may use. @docktalk use HOST/CONTAINER sets one.\n"
                return Help(text=text)
            if line.clear:
                await self.store.clear(request.channel_id, request.thread_ts)
                return Told(text="This thread has no target any more.\n")
            return Help(text=f"This thread is about {_named(before)}, set by {before.user_name}.\n")
        host, container = line.parts
        target = ThreadTarget(
            channel_id=request.channel_id,
            thread_ts=request.thread_ts,
            host=named_host(self.hosts, host, seen).name,
            container=container,
            user_id=said.principal.user_id,
            user_name=said.principal.name,
            used_at=self.clock(),
        )
        await self.store.set(target)
        theirs = before is not None and before.user_id != target.user_id
        told = before is not None and theirs and self.hosts.find(before.host) in seen.known
        notes = f" Before, {before.user_name} had set {_named(before)}." if before and told else ""
        notes += f" {MISSING}" if await self._missing(target, said) else ""
        return Told(
            text=f"This thread is about {_named(target)} now: reads follow it, a change asks you once. "
            f"It ends after {IDLE_SECONDS // 60} idle minutes.{notes}\n"
        )

    async def _missing(self, target: ThreadTarget, said: Said) -> bool:
        host, name = self.hosts.find(target.host), target.container
        if host is None or not name or _ID.fullmatch(name):
            return False
        channel, now = said.request.channel_id, self.clock()
        return await is_missing(self.inventories, said.policy, said.principal, channel, host, name, now)

    async def _of(self, request: Request) -> ThreadTarget | None:
        """What a line of this request takes from its thread."""
        # What a form or a click brings that was shown as a whole goes where it was shown to go.
        told = request.confirmed or request.again or request.origin not in {Origin.MENTION, Origin.BUTTON}
        if told or not request.thread_ts:
            return None
        return await self.store.of(request.channel_id, request.thread_ts, used=True)

    async def _about(self, request: Request) -> ThreadTarget | None:
        """The same for a line that is wrong without: what the parser says of it needs no store."""
        try:
            return await self._of(request)
        except StoreDown:
            return None

    def _with_container(self, text: str, target: ThreadTarget) -> Parsed | None:
        """The line with the container behind it, if that was all that it lacked."""
        if not target.container:
            return None
        try:
            parsed = parse(f"{text} {target.container}", self.catalogue)
        except UsageFault:
            return None
        if isinstance(parsed, HelpAsked) or parsed.host not in {None, target.host}:
            return None
        command = parsed.command
        given = [name for name in command.arguments if name in command.model_fields_set]
        if given != list(command.arguments)[:1] or command.arguments[given[0]].resource is not Kind.CONTAINER:
            return None
        alone = getattr(command, given[0]) in (target.container, (target.container,))
        return parsed if alone and not command.arguments[given[0]].new else None

    def _whole(self, request: Request, text: str, host: str | None, target: ThreadTarget) -> Spoken:
        """The line with its host, parsed anew, and a note that says what it took and who had set it."""
        line = _PROGRAM.sub("", text, count=1) if _PROGRAM.match(text) else text
        whole = line if host else f"--host {shlex.quote(target.host)} {line.lstrip()}"
        took = f"{target.container} on {target.host}" if text != request.text else f"on {target.host}"
        note = f"{took}: this thread's target, set by {target.user_name}"
        said = request.model_copy(update={"text": whole, "notes": (*request.notes, note)})
        return Spoken(said, parse(whole, self.catalogue), target)


def _named(target: ThreadTarget) -> str:
    return f"{target.container} on {target.host}" if target.container else target.host
