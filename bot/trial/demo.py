"""``make demo``: a tour through `docktalk try` on a container of its own, without a Slack account.

It touches only what it made: everything carries a suffix and a label of this run, and is removed at the end.
"""

import asyncio
import os
import secrets
import sys
from contextlib import suppress

from bot import logs
from bot.trial.trial import Trial
from bot.trial.watch import Answer
from handlers.context import Engine, segment
from handlers.engine import DockerEngine
from handlers.faults import EngineFault

LABEL = "org.docktalk.demo"


def main() -> int:
    """Runs the tour; the status is 0 when every step ended as it should."""
    try:
        host, image = os.environ["DOCKER_HOST"], os.environ["DOCKTALK_IMAGE"]
    except KeyError as missing:
        sys.stderr.write(
            f"{missing.args[0]} is not set: run `make demo`, which brings an engine and an image\n"
        )
        return 2
    logs.configure("error")
    return asyncio.run(_tour(DockerEngine(host, slots=1), image))


async def _tour(engine: Engine, image: str) -> int:
    suffix = secrets.token_hex(3)
    web, failed = f"web-{suffix}", []
    try:
        async with Trial() as trial:
            admin, viewer, ops = trial.user("admin"), trial.user("viewer"), trial.channel("ops")

            async def step(say: str, line: str, *, ends: int, viewing: bool = False) -> Answer:
                user = viewer if viewing else admin
                _print(f"\n── {say}\n\n#{ops.name}  {user.name}: {line}\n")
                answer = await trial.ask(line, user=user, channel=ops)
                _print(_indented(answer.picture))
                if answer.exit_code != ends:
                    failed.append(f"{line!r} ended with {answer.exit_code}, not {ends}")
                return answer

            label = f"{LABEL}={suffix}"
            run = f"/docker run -d --name {web} --label {label} {image} httpd -f -v -p 8080 -h /var/www"
            await step("Run a web server", run, ends=0)
            await step("Look at it", f"/docker ps --filter label={label}", ends=0)
            before = _started_at(engine, web)
            await step(
                "Restart it, with two seconds to stop", f"/docker container restart {web} -t 2", ends=0
            )
            after = _started_at(engine, web)
            _print(f"\n   the engine says it started at {before}, and now at {after}\n")
            if before == after:
                failed.append("the container's StartedAt did not change")
            await step("Read its log", f"/docker logs --tail 5 {web}", ends=0)
            await step("A viewer may not", f"/docker rm -f {web}", ends=1, viewing=True)
            await step("A slip of the thumb", f"/docker container restrat {web}", ends=1)
            await step("What may a viewer do?", "/docktalk help", ends=0, viewing=True)
    finally:
        for removed in _remove(engine, suffix):
            _print(f"\n── removed {removed}")
    for sentence in failed:
        sys.stderr.write(f"the demo failed: {sentence}\n")
    return 1 if failed else 0


def _started_at(engine: Engine, name: str) -> str:
    return str(engine.get(f"/containers/{segment(name)}/json")["State"]["StartedAt"])


def _remove(engine: Engine, suffix: str) -> list[str]:
    """Removes the containers of this run; their names."""
    filters = f'{{"label":["{LABEL}={suffix}"]}}'
    removed = []
    for container in engine.get("/containers/json", {"all": True, "filters": filters}):
        with suppress(EngineFault):
            engine.delete(f"/containers/{container['Id']}", {"force": True, "v": True})
            removed.append(str(container["Names"][0]).removeprefix("/"))
    return removed


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
