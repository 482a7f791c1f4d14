"""``docktalk try``: lines from the command line as threads, or a batch of JSON objects."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.trial.screen import ask
from bot.trial.trial import Trial
from bot.trial.watch import Answer

DEADLINE = 30.0


class Login(BaseModel):
    """A registry login that the asker is taken to have kept."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    username: str
    password: str


class Line(BaseModel):
    """One object of a batch; unknown fields are ignored.

    ``id`` comes back with the answer. ``stdin`` answers a question, ``deadline`` is in seconds.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    id: str
    line: str
    stdin: str = ""
    asker: str | None = Field(default=None, alias="as")
    channel: str | None = None
    deadline: float = DEADLINE
    registry_auth: dict[str, Login] = Field(default_factory=dict)


async def run_lines(
    lines: Sequence[str],
    out: TextIO,
    *,
    policy: Path,
    name: str | None,
    role: str | None,
    channel: str,
    unmasked: bool,
) -> int:
    """Asks each line in turn and prints its thread as a reader of Slack sees it; the last one's status.

    What a line prints while it runs is seen at once, and ^C stops it.
    """
    exit_code = 0
    async with Trial(policy=policy, unmasked=unmasked) as trial:
        user, place = trial.user(name, role), trial.channel(channel)
        for line in lines:
            out.write(f"#{place.name}  {user.name} types  {line}\n")
            out.flush()
            answer = await ask(trial, line, user=user, channel=place, out=out)
            out.write(f"{answer.picture}\n\n")
            out.flush()
            exit_code = answer.exit_code
    return exit_code


async def run_batch(
    lines: TextIO,
    out: TextIO,
    *,
    policy: Path,
    name: str | None,
    role: str | None,
    channel: str,
    unmasked: bool,
) -> int:
    """Answers one JSON object a line with one JSON object a line, in order, until stdin ends."""
    async with Trial(policy=policy, unmasked=unmasked) as trial:
        while text := await asyncio.to_thread(lines.readline):
            if not text.strip():
                continue
            try:
                line = Line.model_validate_json(text)
            except ValidationError as error:
                mistakes = error.errors(include_input=False, include_url=False, include_context=False)
                out.write(json.dumps({"error": "not a line of a batch", "mistakes": mistakes}) + "\n")
            else:
                user = trial.user(line.asker or name, None if line.asker else role)
                logins = {server: login.model_dump() for server, login in line.registry_auth.items()}
                await trial.log_in(user, logins)
                answer = await trial.ask(
                    line.line,
                    user=user,
                    channel=trial.channel(line.channel or channel),
                    deadline=line.deadline,
                    stdin=line.stdin,
                )
                out.write(_as_json(line.id, answer) + "\n")
            out.flush()
    return 0


def _as_json(line_id: str, answer: Answer) -> str:
    return json.dumps(
        {
            "id": line_id,
            "exit_code": answer.exit_code,
            "stdout": answer.stdout,
            "stderr": answer.stderr,
            "messages": answer.calls,
        },
        ensure_ascii=False,
    )
