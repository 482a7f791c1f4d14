"""The production path with a stand-in in Slack's place: what `docktalk try`, its batch and the demo use.

Signed requests, the bot, an embedded store, a worker process of its own, the engine of DOCKER_HOST:
everything but Slack is what a deployment runs.
"""

import asyncio
import contextlib
import json
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.child import tied
from bot.ground import Surroundings
from bot.jobs.spool import Spool, StreamName
from bot.jobs.wire import Ended, Refused
from bot.policy.file import load
from bot.reply import Accepted, Help, PasswordNeeded, Refusal, Reply
from bot.request import Request
from bot.service import Bot
from bot.settings import BotSettings, SlackMode
from bot.slack.replies import CORRECTION
from bot.slack.serve import EVENTS_PATH
from bot.standin.server import StandIn
from bot.standin.world import Channel, Message, User
from bot.store import embedded
from bot.store.logins import owner
from bot.store.outbox import Pace
from bot.trial.watch import Answer, Watch
from handlers.system.login import NO_TERMINAL
from permissions.policy import Policy

EXAMPLE_POLICY = Path(__file__).parents[2] / "deploy" / "policy.example.yaml"
HOST = "local"
CHANNEL = "ops"
DEFAULT_ROLE = "admin"

WORKER_SECONDS = 20.0
SETTLE_SECONDS = 20.0
ACK_SECONDS = 10.0
POLL_SECONDS = 0.005

UNPACED = Pace(rate=10_000, burst=10_000, edit_rate=10_000, edit_burst=10_000)
"""The stand-in is nobody's workspace: a batch does not wait for Slack's limits on messages."""

_WHISPER = "chat.postEphemeral"
_USER_ID = re.compile(r"[UW][A-Z0-9]+")
_SURFACE = re.compile(r"\s*(?P<surface>/docker|/docktalk|@docktalk)(?:\s+(?P<text>.*))?", re.DOTALL)


class TrialFailed(Exception):  # noqa: N818 - reads as a sentence
    """The trial could not be set up; the sentence says why."""


class Trial:
    """One workspace with one host; an async context manager. ``worker`` is the host's process."""

    def __init__(
        self,
        *,
        policy: Path = EXAMPLE_POLICY,
        unmasked: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._policy_file = policy
        self._unmasked = unmasked
        self._environ = environ
        self._ends = contextlib.AsyncExitStack()
        self._watch = Watch()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._ends.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ends.aclose()

    async def _start(self) -> None:
        self.standin = StandIn(rates=False)
        await self.standin.start(self._environ)
        self._ends.push_async_callback(self.standin.stop)
        self._policy = load(self._policy_file).policy
        self.channel(CHANNEL)

        self.folder = data = Path(tempfile.mkdtemp(prefix="docktalk-try-"))
        self._ends.callback(shutil.rmtree, data, ignore_errors=True)
        store = embedded.start(data)
        self._ends.callback(store.stop)
        worker = self.worker = await self._start_worker(data, store.url)
        self.bot = Bot(self._settings(data, store.url), self._surroundings())
        self._ends.push_async_callback(self.bot.stop)
        await self.bot.start()
        self.standin.deliver_http(f"http://127.0.0.1:{self.bot.port}{EVENTS_PATH}")
        await self._alive(worker)
        folder = data / "worker" / HOST / "spool"
        self._spool = Spool(folder, quota=2**60, max_age=math.inf)

    def _settings(self, data: Path, store: str) -> BotSettings:
        standin = self.standin
        return BotSettings.model_validate(
            {
                "redis_url": store,
                "data_dir": data,
                "slack_bot_token": standin.bot_token,
                "slack_signing_secret": standin.signing_secret,
                "slack_mode": SlackMode.HTTP,
                "slack_api_url": standin.api_url,
                "http_port": 0,
                "policy_file": self._policy_file,
                "default_host": HOST,
            }
        )

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            pace=UNPACED,
            unmasked=self._unmasked,
            on_reply=self._watch.reply,
            on_event=self._watch.event,
        )

    async def _start_worker(self, data: Path, store: str) -> asyncio.subprocess.Process:
        own = {
            "REDIS_URL": store,
            "DOCKTALK_DATA_DIR": str(data),
            "DOCKTALK_HOST": HOST,
            "DOCKTALK_UPLOAD_HOSTS": json.dumps([self.standin.host]),
            "DOCKTALK_LOG_LEVEL": self._environ.get("DOCKTALK_LOG_LEVEL", "error"),
        }
        worker = await asyncio.create_subprocess_exec(
            *tied([sys.executable, "-m", "bot.cli", "worker"]),
            env={**self._environ, **own},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # ^C at the terminal is ours to handle
        )
        self._ends.push_async_callback(_end, worker)
        return worker

    async def _alive(self, worker: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(WORKER_SECONDS):
                while not await self.bot.ground.queue.alive(HOST):
                    if worker.returncode is not None:
                        raise TrialFailed(f"the worker ended at once (status {worker.returncode}), see above")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise TrialFailed(f"the worker gave no sign of life in {WORKER_SECONDS:.0f} s") from None

    def channel(self, name: str) -> Channel:
        """The channel of that name or id, made when there is none."""
        world = self.standin.world
        found = next((known for known in world.channels.values() if name in {known.id, known.name}), None)
        is_id = re.fullmatch(r"[CDG][A-Z0-9]+", name) is not None
        return found or world.add_channel(name.lower() if is_id else name, name if is_id else None)

    def user(self, name: str | None = None, role: str | None = None) -> User:
        """A person: one who holds ``role``, or one of that name or id.

        A name that is a role's stands for one who holds it; without anything it is an admin, or one who
        holds the policy's first role. Raises TrialFailed for a role that nobody is bound to.
        """
        if role is None and name is None:
            role = DEFAULT_ROLE if DEFAULT_ROLE in self._policy.roles else _first_role(self._policy)
        elif role is None and name in self._policy.roles:
            role = name
        if role is not None:
            return self._holder(role, name or role)
        known = self.standin.world.users
        found = next((user for user in known.values() if name in {user.id, user.name}), None)
        if found is not None or name is None:
            return found or self.user(role=DEFAULT_ROLE)
        is_id = _USER_ID.fullmatch(name) is not None
        return self.standin.world.add_user(name.lower() if is_id else name, name if is_id else None)

    def _holder(self, role: str, name: str) -> User:
        binding = next((bound for bound in self._policy.bindings if bound.role == role), None)
        if binding is None:
            raise TrialFailed(f"the policy binds nobody to the role {role!r}")
        world = self.standin.world
        user_id = binding.users[0] if binding.users else f"U0{re.sub('[^A-Z0-9]', '', name.upper())}"
        user = world.users.get(user_id) or world.add_user(name, user_id)
        if not binding.users:
            group = world.groups.get(binding.groups[0]) or world.add_group(role, binding.groups[0])
            if user.id not in group.members:
                group.members.append(user.id)
        return user

    async def log_in(self, user: User, logins: Mapping[str, dict[str, str]]) -> None:
        """Sets the registry logins that are kept for this person."""
        await self.bot.ground.logins.replace(owner(self.standin.team_id, user.id), logins)

    async def ask(
        self,
        line: str,
        *,
        user: User,
        channel: Channel,
        deadline: float | None = None,
        thread: str = "",
        stdin: str = "",
    ) -> Answer:
        """Lets a person type a line and waits for everything that comes of it.

        A line that begins with ``@docktalk`` is a mention (in ``thread``, if given), any other one a slash
        command. ``stdin`` whose first line is "y" says yes to a question, and fills in a form that asks for a
        password. Past ``deadline`` (seconds) the job
        is cancelled as timed out, exit code 124.
        """
        calls, seen = len(self.standin.calls), set(self._stamps(channel))
        await self.say(line, user, channel, thread)
        match reply := await self.reply():
            case Accepted(waits=True):
                exit_code, stdout, stderr = await self.looked(reply.job_id)
            case Accepted(question=""):
                exit_code, stdout, stderr = await self._end_of(reply.job_id, deadline)
            case Accepted(question=question):
                exit_code, stdout, stderr = await self._end_of(reply.job_id, deadline)
                if exit_code == 0:
                    stdout = f"{question} [y/N] "
                if exit_code == 0 and stdin.partition("\n")[0].strip().lower() == "y":
                    await self.settled()
                    exit_code, out, stderr = await self._yes(user, channel, deadline)
                    stdout += out
            case PasswordNeeded():
                exit_code, stdout, stderr = await self._form(reply, user, stdin, deadline)
            case Help():
                exit_code, stdout, stderr = reply.exit_code, *_help(reply)
            case Refusal():
                exit_code, stdout, stderr = reply.exit_code, "", _as_cli(reply)
        stdout = _warnings(reply) + stdout
        if line.lstrip().startswith("@") and not isinstance(reply, Accepted):
            # It goes out beside the reply that was seen: it may not be in the outbox yet.
            await self.standin.until(lambda s: any(c.method == _WHISPER for c in s.calls[calls:]))
        await self.settled()
        made = [{"method": one.method, "arguments": one.arguments} for one in self.standin.calls[calls:]]
        picture = "\n".join(self._new(channel, seen, thread))
        return Answer(exit_code=exit_code, stdout=stdout, stderr=stderr, calls=made, picture=picture)

    async def looked(self, job_id: str) -> tuple[int, str, str]:
        """Waits until people can decide; the job itself may end much later, or never begin."""
        await asyncio.wait_for(self._watch.look(job_id), SETTLE_SECONDS)
        return 0, "", ""

    async def _yes(self, user: User, channel: Channel, deadline: float | None) -> tuple[int, str, str]:
        """Clicks the newest question's button and waits for what comes of it."""
        asked = next(m for m in reversed(self.standin.messages(channel.id)) if CORRECTION in str(m.blocks))
        await self.standin.click(user.id, asked, CORRECTION)
        reply = await self.reply()
        if not isinstance(reply, Accepted):
            raise TrialFailed("the yes was not accepted")
        return await self._end_of(reply.job_id, deadline)

    async def _form(
        self, needed: PasswordNeeded, user: User, stdin: str, deadline: float | None
    ) -> tuple[int, str, str]:
        """Fills in the newest form with ``stdin`` as the password; without any it stays as it is."""
        if not stdin.strip("\r\n"):
            return 1, "", f"{NO_TERMINAL}\n"
        shown = next(view for view in reversed(self.standin.world.views.values()) if view.user == user.id)
        given = {"username": needed.username, "password": stdin.rstrip("\r\n")}
        await self.standin.submit(user.id, shown, {name: {name: {"value": given[name]}} for name in given})
        reply = await self.reply()
        if not isinstance(reply, Accepted):
            return 1, "", _as_cli(reply) if isinstance(reply, Refusal) else ""
        return await self._end_of(reply.job_id, deadline)

    @property
    def requests(self) -> list[Request]:
        """Every request that reached the pipeline, in order."""
        return self._watch.requests

    async def reply(self) -> Reply:
        """The pipeline's next reply that no line of :meth:`ask` has taken."""
        return await asyncio.wait_for(self._watch.replies.get(), ACK_SECONDS)

    async def ended(self, job_id: str) -> Ended | Refused:
        """How a job ended, once its messages are in the outbox."""
        return await asyncio.wait_for(self._watch.end(job_id), SETTLE_SECONDS)

    async def say(self, line: str, user: User, channel: Channel, thread: str) -> None:
        """Types a line as :meth:`ask` does and waits for its acknowledgement alone; see :meth:`reply`."""
        surface = _SURFACE.fullmatch(line)
        command = surface["surface"] if surface else "/docker"
        text = (surface["text"] or "") if surface else line
        if command == "@docktalk":
            await self.standin.mention(user.id, channel.id, text, thread or None)
            return
        ack = await self.standin.slash(user.id, channel.id, text, command)
        if not ack.ok:
            raise TrialFailed(f"the bot answered {ack.status} to a slash command")

    async def _end_of(self, job_id: str, deadline: float | None) -> tuple[int, str, str]:
        end = self._watch.end(job_id)
        done, _ = await asyncio.wait({end}, timeout=deadline)
        if not done:
            await self.bot.ground.queue.cancel(job_id, HOST, reason="timed_out")
        event = await self.ended(job_id)
        if isinstance(event, Refused):
            return 1, "", f"refused by the worker: {event.refusal}\n"
        result = event.result
        stdout = result.stdout.text if not result.stdout.cut else self._stored(job_id, "stdout")
        stderr = result.stderr.text if not result.stderr.cut else self._stored(job_id, "stderr")
        return result.exit_code, stdout, stderr

    def when_accepted(self, told: Callable[[str], None]) -> None:
        """From now on ``told`` is told the id of every new job."""
        self._watch.accepted = told

    async def cancel(self, job_id: str) -> None:
        """Stops a job."""
        await self.bot.ground.queue.cancel(job_id, HOST)

    def printed(self, job_id: str, stream: StreamName, start: int, most: int) -> bytes:
        """What a job has printed so far from this byte on; b"" where it is nothing, or not kept."""
        try:
            with self._spool.read(job_id, stream) as file:
                file.seek(start)
                return file.read(most)
        except OSError:
            return b""

    def _stored(self, job_id: str, stream: StreamName) -> str:
        with self._spool.read(job_id, stream) as file:
            return file.read().decode("utf-8", "replace")

    async def settled(self) -> None:
        """Waits until the outbox is empty and every upload it began is complete."""
        async with asyncio.timeout(SETTLE_SECONDS):
            # The stores have no event for "nothing left".
            while await self.bot.ground.outbox_store.waiting(math.inf) or self._uploading():  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)

    def _uploading(self) -> bool:
        asked = sum(call.method == "files.getUploadURLExternal" for call in self.standin.calls)
        return asked > self._watch.uploads

    def _stamps(self, channel: Channel) -> list[str]:
        return [message.ts for message in self.standin.messages(channel.id)]

    def _new(self, channel: Channel, seen: set[str], thread: str) -> list[str]:
        """The pictures of the threads that are new, or of the one that was asked in."""
        fresh = [message for message in self.standin.messages(channel.id) if message.ts not in seen]
        heads = dict.fromkeys(_head(message) for message in fresh)
        return [self.standin.as_text(channel.id, ts) for ts in heads if ts != thread] or (
            [self.standin.as_text(channel.id, thread)] if thread else []
        )


def _head(message: Message) -> str:
    return message.thread_ts or message.ts


def _first_role(policy: Policy) -> str:
    if not policy.bindings:
        raise TrialFailed("the policy binds nobody to any role")
    return policy.bindings[0].role


def _help(reply: Help) -> tuple[str, str]:
    """Help on stdout; on stderr where the line named no command."""
    return ("", reply.text) if reply.unasked else (reply.text, "")


def _warnings(reply: Reply) -> str:
    """What the CLI says of deprecated spellings, on stdout as it does."""
    said = () if isinstance(reply, PasswordNeeded) else reply.warnings
    return "".join(f"{warning}\n" for warning in said)


def _as_cli(refusal: Refusal) -> str:
    """A refusal as the CLI prints it: the sentence, then the usage."""
    parts = [refusal.message, refusal.usage] if refusal.usage else [refusal.message]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


async def _end(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is None:
        worker.terminate()
        try:
            await asyncio.wait_for(worker.wait(), WORKER_SECONDS)
        except TimeoutError:
            worker.kill()
            await worker.wait()
