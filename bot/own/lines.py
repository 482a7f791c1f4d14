"""Answers lines of ``docktalk``: what is ours, beside Docker's own commands."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bot.again import LATE, Again
from bot.audit.entries import Known
from bot.audit.reading import Filters
from bot.decided import allowed, members_only
from bot.hosts import Hosts
from bot.own.commands import answer, audit_filters, audit_operation, offered, offers_audit
from bot.own.job_lines import job_line
from bot.own.said import Desk, Said
from bot.policy.answers import PolicyAnswers, question
from bot.policy.file import LoadedPolicy
from bot.policy.sight import seen_hosts
from bot.reply import Accepted, Help
from bot.request import Request
from handlers.catalogue import Catalogue
from handlers.faults import Fault, UsageFault
from handlers.grammar.command import Command
from handlers.grammar.parser import HelpAsked
from permissions.operation import Principal

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OwnLines:
    """Each of ``desks`` answers its own lines; ``audit_view`` reads the audit, in a thread.

    ``clock`` is epoch seconds.
    """

    catalogue: Catalogue
    hosts: Hosts
    again: Again
    desks: tuple[Desk, ...]
    policy_answers: PolicyAnswers
    audit_view: Callable[[Filters], str]
    clock: Callable[[], float]

    async def answer(
        self, request: Request, principal: Principal, policy: LoadedPolicy, known: Known
    ) -> Accepted | Help:
        """One line's answer; raises Fault, StoreDown among them."""
        if request.program == LATE:
            known.line = "still wanted"
            record = await self.again.wanted(request.text)
            return Accepted(job_id=record.job_id)
        line = job_line(request.text)
        if line is not None:
            return await self._answer(line, Said(request, principal, policy))
        asked = question(request)
        if asked is not None:
            try:
                text = await self.policy_answers.answer(asked, policy.policy, principal, request, known)
            except UsageFault as fault:
                raise pointing(fault, request.text, getattr(asked, "line", "")) from None
            return Help(text=text)
        filters = audit_filters(request)
        if filters is not None:
            return await self._audit(filters, request, principal, policy, known)
        commands = offered(policy.policy, principal, request.channel_id, self.catalogue, self.hosts)
        audit = offers_audit(policy.policy, principal, request.channel_id, self.hosts)
        seen = seen_hosts(policy.policy, principal, request.channel_id, self.hosts, self.clock())
        return answer(request, commands, principal, seen, audit=audit)

    async def _answer(self, line: Command | HelpAsked, said: Said) -> Accepted | Help:
        members_only(said.principal)
        if isinstance(line, HelpAsked):
            return Help(text=line.text)
        desk = next(desk for desk in self.desks if isinstance(line, desk.lines))
        return await desk.answer(line, said)

    async def _audit(
        self, filters: Filters, request: Request, principal: Principal, policy: LoadedPolicy, known: Known
    ) -> Help:
        known.operation = audit_operation(filters, self.hosts)
        allow = allowed(policy.policy, principal, request.channel_id, known.operation, self.clock())
        known.rule = allow.rule
        try:
            return Help(text=await asyncio.to_thread(self.audit_view, filters))
        except OSError as error:
            log.warning("audit cannot be read", error=str(error))
            raise Fault("The audit cannot be read.", hint="Tell an operator.") from error


def pointing(fault: UsageFault, text: str, asked: str) -> UsageFault:
    """The fault of a docker line that stands inside of ``text``, pointing and corrected there."""
    inner = asked.removeprefix("/").removeprefix("docker ")
    at = text.find(inner)
    if fault.span is not None:
        fault.span = (fault.span[0] + at, fault.span[1] + at)
    if fault.suggestion:
        fault.suggestion = f"{text[:at]}{fault.suggestion}{text[at + len(inner) :]}"
    return fault
