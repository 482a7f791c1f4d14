"""What people do in the workspace, and what Slack does with the app's answer to it."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.standin import payloads
from bot.standin.delivery import Ack, Courier, Kind
from bot.standin.limits import block_problems
from bot.standin.webapi.base import Refused, Workspace
from bot.standin.webapi.views import checked_view, place, replace
from bot.standin.world import Channel, Json, Message, User, View


@dataclass(frozen=True, slots=True)
class Posted:
    """A message a person wrote, and the event it made ("" when the app hears nothing of it)."""

    ts: str
    event_id: str


class Gestures:
    """Typing, clicking, submitting.

    ``subscriptions`` are the events the app hears: app_mention, message.channels, message.groups,
    message.im. ``response_base`` is the front of every response URL.
    """

    def __init__(self, slack: Workspace, courier: Courier) -> None:
        self._slack = slack
        self._courier = courier
        self.subscriptions = {"app_mention", "message.im"}
        self.response_base = ""

    async def slash(self, user_id: str, channel_id: str, text: str, command: str) -> Ack:
        """Types a command, from anywhere: also where the bot is not a member."""
        user, channel = self._who(user_id), self._where(channel_id)
        url = self.response_base + self._slack.passes.response(channel.id, user.id)
        payload = payloads.slash(self._slack.world, self._slack.passes, url, user, channel, command, text)
        return await self._courier.deliver(
            Kind.SLASH,
            payload,
            lambda ack: self._after_slash(ack, user, channel, f"{command} {text}".strip()),
        )

    def say(self, user_id: str, channel_id: str, text: str, thread_ts: str | None) -> Posted:
        """Writes a message; the app hears of it where the bot is a member and it subscribed."""
        user, channel = self._who(user_id), self._where(channel_id)
        world = self._slack.world
        message = world.post(channel.id, user.id, payloads.typed_text(text), thread_ts=thread_ts)
        event_id = ""
        if not channel.bot_is_member:
            return Posted(message.ts, event_id)
        kind = "im" if channel.direct else "groups" if channel.private else "channels"
        if f"message.{kind}" in self.subscriptions:
            event_id = self._tell(message, "message", channel)
        if (
            f"<@{world.bot.id}>" in message.text
            and not channel.direct
            and "app_mention" in self.subscriptions
        ):
            event_id = self._tell(message, "app_mention", channel)
        return Posted(message.ts, event_id)

    def _tell(self, message: Message, kind: str, channel: Channel) -> str:
        world = self._slack.world
        content = payloads.message_event(world, message, kind, channel)
        callback = payloads.event(world, content, self._slack.clock.now())
        self._courier.deliver_event(callback)
        return str(callback["event_id"])

    def open_home(self, user_id: str) -> str:
        """Opens the app's home tab; the event's id."""
        content: dict[str, Json] = {
            "type": "app_home_opened",
            "user": self._who(user_id).id,
            "channel": self._slack.world.direct_channel(user_id).id,
            "tab": "home",
            "event_ts": self._slack.world.new_ts(),
        }
        callback = payloads.event(self._slack.world, content, self._slack.clock.now())
        self._courier.deliver_event(callback)
        return str(callback["event_id"])

    async def click(self, user_id: str, target: Message | View, action_id: str, value: str | None) -> Ack:
        """Clicks an element, confirming what asks for it; raises LookupError when it is not there."""
        user, world = self._who(user_id), self._slack.world
        blocks = target.blocks if isinstance(target, Message) else target.content["blocks"]
        found = [pair for pair in payloads.elements(blocks) if pair[1]["action_id"] == action_id]
        if not found:
            there = ", ".join(one["action_id"] for _, one in payloads.elements(blocks)) or "none"
            raise LookupError(f"No element {action_id!r} to click; there is: {there}.")
        if isinstance(target, Message) and (target.deleted or target.ephemeral_to not in (None, user.id)):
            raise LookupError(f"{user.name} does not see this message.")
        action = payloads.action(*found[0], value, world.new_ts())
        url = ""
        if isinstance(target, Message):
            url = self.response_base + self._slack.passes.response(
                target.channel, user.id, ts=target.ts, thread_ts=target.thread_ts
            )
        payload = payloads.click(world, self._slack.passes, user, target, action, url)
        return await self._courier.deliver(Kind.INTERACTIVE, payload, self._after_click(user, target))

    async def submit(self, user_id: str, view: View, values: dict[str, dict[str, Json]]) -> Ack:
        """Submits a modal; the answer may update, push, clear or complain, else the view closes."""
        payload = payloads.submission(self._slack.world, self._slack.passes, self._who(user_id), view, values)
        return await self._courier.deliver(
            Kind.INTERACTIVE, payload, lambda ack: self._after_submit(ack, view)
        )

    async def close(self, user_id: str, view: View) -> Ack | None:
        """Closes a modal; the app hears of it when the view says so."""
        payload = payloads.closing(self._slack.world, self._slack.passes, self._who(user_id), view)
        self._shut(view)
        if not view.content.get("notify_on_close"):
            return None
        return await self._courier.deliver(Kind.INTERACTIVE, payload)

    def _who(self, user_id: str) -> User:
        user = self._slack.world.users.get(user_id)
        if user is None or user.deleted:
            raise LookupError(f"{user_id} is nobody who could act.")
        return user

    def _where(self, channel_id: str) -> Channel:
        channel = self._slack.world.channels.get(channel_id)
        if channel is None:
            raise LookupError(f"There is no channel {channel_id}.")
        return channel

    def _notice(self, channel: Channel, user: User, text: str, thread_ts: str | None = None) -> None:
        self._slack.world.post(channel.id, "USLACKBOT", text, ephemeral_to=user.id, thread_ts=thread_ts)

    def _after_slash(self, ack: Ack, user: User, channel: Channel, typed: str) -> None:
        world = self._slack.world
        command = typed.split(maxsplit=1)[0]
        error = "operation_timeout" if ack.timed_out else "" if ack.ok else "dispatch_failed"
        body = ack.body or {}
        text, blocks = body.get("text") or "", body.get("blocks") or []
        if not error and block_problems(blocks):
            error = "invalid_command_response"
        if error:
            self._notice(channel, user, f"{command} failed with the error \u201c{error}\u201d")
            return
        in_channel = body.get("response_type") == "in_channel"
        if in_channel:
            world.post(channel.id, user.id, typed)
        if text or blocks:
            world.post(
                channel.id,
                world.bot.id,
                str(text),
                blocks=list(blocks),
                ephemeral_to=None if in_channel else user.id,
            )

    def _after_click(self, user: User, target: Message | View) -> Callable[[Ack], None]:
        def after(ack: Ack) -> None:
            if ack.ok or isinstance(target, View):
                return
            error = "operation_timeout" if ack.timed_out else "dispatch_failed"
            channel = self._slack.world.channels[target.channel]
            self._notice(
                channel, user, f"This button failed with the error \u201c{error}\u201d", target.thread_ts
            )

        return after

    def _after_submit(self, ack: Ack, view: View) -> None:
        answer = ack.body or {}
        what = answer.get("response_action")
        if not ack.ok or what == "errors":
            return
        if what == "clear":
            for one in list(view.stack):
                self._shut(one)
        elif what in ("update", "push"):
            try:
                content = checked_view(answer.get("view"), "modal")
                if what == "update":
                    replace(self._slack, view, content)
                else:
                    place(self._slack, view.user, content, view.stack)
            except Refused:
                # Slack shows "we had some trouble connecting" and leaves the view as it is.
                return
        else:
            self._shut(view)

    def _shut(self, view: View) -> None:
        view.stack.remove(view)
        del self._slack.world.views[view.id]
        self._slack.world.changed()
