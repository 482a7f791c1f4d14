"""The people and channels of a story that is told in a trial: what they type, click and see."""

import json

from bot.standin.world import Channel, Message, User
from bot.trial.trial import Trial


class Floor:
    """A channel to work in, one where an admin sets things up by day, and whoever the story names."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.ops, self.day = trial.channel("ops"), trial.channel("by-day")
        self.admin, self.ana, self.ben = map(self.person, ("admin", "ana", "ben"))

    def person(self, name: str) -> User:
        """Somebody of that name, by whose id (U0NAME) policies speak of them."""
        return self.trial.standin.world.add_user(name, f"U0{name.upper()}")

    async def say(self, line: str, user: User):
        """The reply to a line that is typed where the work is."""
        await self.trial.say(line, user, self.ops, "")
        return await self.trial.reply()

    async def asked(self, line: str, user: User) -> str:
        """Types a line that needs an approval; the job's id, once people can decide."""
        reply = await self.say(line, user)
        assert reply.waits, reply
        await self.trial.looked(reply.job_id)
        await self.trial.settled()
        return reply.job_id

    async def prints(self, line: str, user: User, channel: Channel) -> str:
        """The output of a line that has to work."""
        answer = await self.trial.ask(line, user=user, channel=channel)
        assert answer.exit_code == 0, answer.stderr
        return answer.stdout.strip()

    async def by_day(self, line: str) -> str:
        """The output of a line of the admin's, elsewhere: it leaves no message where the work is."""
        return await self.prints(line, self.admin, self.day)

    async def started_at(self, name: str) -> str:
        return await self.by_day(f"/docker inspect -f '{{{{.State.StartedAt}}}}' {name}")

    async def running(self, name: str) -> bool:
        return await self.by_day(f"/docker inspect -f '{{{{.State.Running}}}}' {name}") == "true"

    def roots(self, channel: Channel | None = None) -> list[Message]:
        """What everybody sees in the channel, outside threads."""
        shown = self.trial.standin.messages((channel or self.ops).id)
        return [m for m in shown if m.thread_ts is None and m.ephemeral_to is None]

    async def shows(self, *texts: str, channel: Channel | None = None) -> Message:
        """Waits until one message outside threads says all of this; the message."""

        def found(_):
            said = ((m, json.dumps(m.blocks)) for m in self.roots(channel))
            return next((m for m, shown in said if all(text in shown for text in texts)), None)

        return await self.trial.standin.until(found)

    def card(self, job_id: str, channel: Channel | None = None) -> Message:
        """The card of an approval, or the copy of it in another channel."""
        return next(
            m
            for m in self.trial.standin.messages((channel or self.ops).id)
            if m.thread_ts is None and job_id in json.dumps(m.blocks[-1:]) and m.blocks[0]["type"] == "header"
        )

    async def card_says(self, job_id: str, text: str) -> None:
        """Waits until the card says it."""
        await self.trial.standin.until(lambda _: text in json.dumps(self.card(job_id).blocks))

    async def click(self, message: Message, action: str, user: User):
        await self.trial.standin.click(user.id, message, action)
        return await self.trial.reply()

    async def decide(self, job_id: str, action: str, user: User, channel: Channel | None = None):
        """Clicks a button of the card, or of the copy in another channel."""
        return await self.click(self.card(job_id, channel), action, user)

    async def form(self, user: User):
        """Waits until a form is open before them; the form."""
        return await self.trial.standin.until(
            lambda s: next((v for v in s.world.views.values() if v.user == user.id), None)
        )
