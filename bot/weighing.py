"""What a line is about, and what becomes of it at this moment: for the path that runs it, and for ``can-i``.

Nothing is counted, kept or told here, so that it can be asked for a line that nobody runs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.again import Tags
from bot.holds.not_now import NotNow
from bot.hosts import Hosts
from bot.lending.lending import Lending
from bot.lending.lends import Lends
from bot.own.thread_target import Spoken, TargetDesk
from bot.policy.sight import seen_hosts
from handlers.faults import Denied
from handlers.grammar.parser import Parsed
from permissions.decision import Allow, NeedsApproval
from permissions.operation import Operation, Principal
from permissions.policy import UNMASKED_FLAG, Policy


@dataclass(frozen=True)
class Weighing:
    """``unmasked`` turns redaction off, where the policy lets it be; ``clock`` is epoch seconds.

    Methods raise Fault: Denied is a no, StoreDown that nobody can tell.
    """

    hosts: Hosts
    targets: TargetDesk
    incidents: Tags
    lending: Lending
    not_now: NotNow
    unmasked: bool
    clock: Callable[[], float]

    async def operation(
        self, policy: Policy, principal: Principal, spoken: Spoken, parsed: Parsed
    ) -> Operation:
        """What a whole line would do, and where."""
        request = spoken.request
        # A host that they may see nothing of does not exist for them.
        bound = seen_hosts(policy, principal, request.channel_id, self.hosts, self.clock())
        seen = await self.lending.seen(principal, request.channel_id, bound)
        host = self.targets.host(spoken, seen)
        # From the bot's own records, never from the line: approvals and budgets go by it.
        incident = await self.incidents.tag(request.channel_id, request.thread_ts)
        operation = parsed.command.operation(host.name)
        flags = {*operation.flags, *([UNMASKED_FLAG] if self.unmasked else ())}
        known = {"flags": tuple(sorted(flags)), "host_labels": host.labels, "incident": incident}
        return operation.model_copy(update=known)

    async def may(
        self, principal: Principal, channel_id: str, operation: Operation, parsed: Parsed | None = None
    ) -> Lends:
        """Whether they may, with what was lent to them, or by the glass that the line breaks."""
        breaks = None if parsed is None or parsed.dry_run else parsed.break_glass
        return await self.lending.decided(principal, channel_id, operation, breaks)

    async def now(
        self, policy: Policy, lends: Lends, operation: Operation, parsed: Parsed | None = None
    ) -> Allow | NeedsApproval:
        """The decision, unless a hold is in the way; a freeze can turn the yes into a question to people."""
        if parsed is not None and parsed.dry_run:
            return lends.decision
        try:
            decision = await self.not_now.passed(policy, lends.principal, operation, lends.decision)
        except Denied as denied:
            if parsed is not None and parsed.break_glass is not None:
                denied.hint += " Breaking the glass lifts neither locks nor freezes; it was not broken."
            raise
        lends.lifts_no_freeze(decision)
        return decision
