"""Who can approve this now: answered for one approval, and asked by one click."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.approvals.approvals import ApprovalDesk
from bot.approvals.approvers import Able, Approvers
from bot.approvals.lines import AskThem, OfApproval, WhoCan
from bot.own.said import Said
from bot.reply import CanDecide
from bot.store.approvals import Asked
from handlers.faults import ApprovalClosed, Reason
from handlers.grammar.command import Command
from permissions.approval import State, next_way

SHOWN = 20
ASKED_AT_ONCE = 10
"""How many one click asks."""
MOST_COPIES = 30
"""How many have a copy of one card at most: each is edited whenever the card changes."""


@dataclass(frozen=True)
class WhoCanDesk:
    """Answers whoever may see the card. ``clock`` is epoch seconds. Methods raise Fault."""

    approvals: ApprovalDesk
    approvers: Approvers
    clock: Callable[[], float]

    lines = (WhoCan, AskThem)

    async def answer(self, line: Command, said: Said) -> CanDecide:
        """Who could say yes at this moment; with :class:`AskThem` they are asked."""
        if not isinstance(line, OfApproval):
            raise TypeError(f"{line.path} is no line about an approval")
        asked = await self.approvals.find(line.approval)
        if not self._may_see(asked, line.approval, said):
            raise ApprovalClosed(
                "There is no such approval here.",
                hint="Ask in the channel that has the card.",
            )
        if asked.approval.state is not State.OPEN:
            raise ApprovalClosed(
                f"{asked.job_id} is not open any more: it is {asked.approval.state}.",
                hint="Its card says how it ended.",
            )
        able = await self.approvers.able(asked)
        if isinstance(line, AskThem):
            before = asked.told
            asked = await self._ask(asked, able, said)
            new = tuple(user for user in asked.told if user not in before)
            return await self._reply(asked, able, said, new)
        return await self._reply(asked, able, said, ())

    def _may_see(self, asked: Asked, named: str, said: Said) -> bool:
        """Where the card is, whoever has a copy of it, or brings what stands behind its buttons."""
        record, who = asked.draft.record, said.principal
        if record.team_id != who.team_id:
            return False
        shown = (asked.token, *asked.told, asked.approval.asker_id)
        return said.request.channel_id == record.channel_id or who.user_id in shown or named == asked.token

    async def _ask(self, asked: Asked, able: Able, said: Said) -> Asked:
        room = min(ASKED_AT_ONCE, MOST_COPIES - len(asked.told))
        users = [user for user in able.users if user not in {*asked.told, said.principal.user_id}]
        if not users:
            raise ApprovalClosed(
                "Everybody who can approve it now has been asked already."
                if able.users
                else "Nobody can approve it at this moment, so nobody was asked.",
                hint="Each person is asked once.",
                reason=Reason.CONFLICT,
            )
        if room <= 0:
            raise ApprovalClosed(
                f"{MOST_COPIES} people have been asked already, as many as there can be.",
                hint="Mention others in the thread of its card.",
                reason=Reason.LIMIT,
            )
        return await self.approvals.also_tell(asked.job_id, tuple(users[:room]), said.principal)

    async def _reply(self, asked: Asked, able: Able, said: Said, new: tuple[str, ...]) -> CanDecide:
        shown, now = able.users[:SHOWN], self.clock()
        names = ", ".join(shown) or "nobody"
        more = len(able.users) - len(shown)
        rest = f" and {more:,} more" if more else ""
        return CanDecide(
            text=f"{asked.job_id} can be approved at this moment by: {names}{rest}.\n",
            asked=asked,
            voters=await self.approvers.voters(asked),
            users=shown,
            on_call=min(able.on_call, len(shown)),
            more=more,
            unsure=able.unsure,
            askable=any(user not in {*asked.told, said.principal.user_id} for user in able.users),
            new=new,
            next_at=next_way(asked.approval, now),
            contact=said.policy.contact,
        )
