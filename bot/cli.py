"""``docktalk``: starts the processes, tries a line, shows keys, checks a policy."""

import argparse
import asyncio
import gc
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from pydantic import ValidationError

from bot import logs
from bot.audit import cli as audit_cli
from bot.audit.tools import Unusable
from bot.key_files import KeysRefused
from bot.keys import BotKeys, HostKeys
from bot.policy import cli as policy_cli
from bot.settings import BotSettings, StoreSettings, WorkerSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand; the exit status is 2 for a setting or a file that cannot be used."""
    given = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = given.run
    try:
        return run(given)
    except ValidationError as error:
        for mistake in error.errors(include_input=False, include_url=False):
            name = "_".join(str(part) for part in mistake["loc"]).upper()
            sys.stderr.write(f"setting {_variable(name)}: {mistake['msg']}\n")
        return 2
    except _Unusable as error:
        sys.stderr.write(f"{error}\n")
        return 2


class _Unusable(Exception):  # noqa: N818 - reads as a sentence
    """Something given cannot be used; the text says what and why."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docktalk", description="Docker from Slack, for people on call.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("up", _up, "Bot, worker and an embedded store on this machine")
    add("bot", _bot, "The Slack process alone; needs REDIS_URL")
    add("worker", _worker, "The worker of one host alone, beside its engine; needs REDIS_URL")
    trial = add("try", _try, "Try lines against the engine of DOCKER_HOST, without a Slack account")
    trial.add_argument("lines", nargs="*", metavar="LINE", help='"/docker container restart web -t 2"')
    trial.add_argument(
        "--as", dest="name", metavar="NAME", help="who asks: a role's name, a user id, or anybody"
    )
    trial.add_argument("--channel", default="ops", metavar="NAME", help="where (default: ops)")
    trial.add_argument("--policy", type=Path, metavar="FILE", help="instead of the shipped example policy")
    trial.add_argument("--role", metavar="ROLE", help="as somebody whom the policy gives this role")
    trial.add_argument("--batch", action="store_true", help="JSON objects on stdin, answers on stdout")
    trial.add_argument("--no-redact", action="store_true", help="mask no secrets, if the policy allows it")
    keys = add("keys", _keys, "Show, publish or rotate the bot's keys, or publish a host's")
    keys.add_argument("what", choices=["show", "publish", "rotate"], nargs="?", default="show")
    keys.add_argument("--host", metavar="NAME", help="publish the public key of this host's worker instead")
    policy_cli.add_arguments(add("policy", _policy, "Check a policy, test it, see what it would change"))
    audit_cli.add_arguments(add("audit", _audit, "Verify, show or prune the audit"))
    catalogue = add("catalogue", _catalogue, "Print the catalogue of commands, or write its documentation")
    catalogue.add_argument("what", choices=["json", "docs"], nargs="?", default="json")
    return parser


def _variable(name: str) -> str:
    return name if name in {"REDIS_URL", "DOCKER_HOST"} else f"DOCKTALK_{name}"


def _up(_: argparse.Namespace) -> int:
    from bot.up import run  # noqa: PLC0415 - each process loads what it needs

    return run()


def _bot(_: argparse.Namespace) -> int:
    from bot.hosts import HostsError  # noqa: PLC0415 - as above
    from bot.policy.file import PolicyError  # noqa: PLC0415
    from bot.service import Bot, CannotStart  # noqa: PLC0415
    from bot.slack.client import SlackTrouble  # noqa: PLC0415

    settings = BotSettings()
    logs.configure(settings.log_level)

    async def serve() -> None:
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        bot = Bot(settings)
        try:
            await bot.start()
            # What stands now stays for ever: the collector need not walk it at every request.
            gc.collect()
            gc.freeze()
            await told.wait()
        finally:
            await bot.stop()

    try:
        _event_loop(serve)
    except (CannotStart, KeysRefused, PolicyError, HostsError, SlackTrouble) as error:
        raise _Unusable(str(error)) from error
    return 0


def _event_loop(main_of: Callable[[], Coroutine[None, None, None]]) -> None:
    import uvloop  # noqa: PLC0415 - the Slack process alone uses it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main_of())


def _worker(_: argparse.Namespace) -> int:
    from bot.jobs import process, worker  # noqa: PLC0415
    from bot.jobs.journal import JournalDamaged  # noqa: PLC0415 - docker is loaded by the worker alone

    settings = WorkerSettings()
    logs.configure(settings.log_level)
    try:
        process.main(settings)
    except (worker.WorkerRefused, KeysRefused, JournalDamaged) as error:
        raise _Unusable(str(error)) from error
    return 0


def _try(given: argparse.Namespace) -> int:
    from bot.policy.file import PolicyError  # noqa: PLC0415
    from bot.standin.guard import UnsafeSurroundingsError  # noqa: PLC0415
    from bot.store.embedded import StoreFailed  # noqa: PLC0415
    from bot.trial.batch import run_batch, run_lines  # noqa: PLC0415 - brings the stand-in
    from bot.trial.trial import EXAMPLE_POLICY, TrialFailed  # noqa: PLC0415

    if given.batch == bool(given.lines):
        raise _Unusable("give lines to try, or --batch")
    logs.configure("error")
    policy = given.policy or EXAMPLE_POLICY
    try:
        if given.batch:
            return asyncio.run(
                run_batch(
                    sys.stdin,
                    sys.stdout,
                    policy=policy,
                    name=given.name,
                    role=given.role,
                    channel=given.channel,
                    unmasked=given.no_redact,
                )
            )
        return asyncio.run(
            run_lines(
                given.lines,
                sys.stdout,
                policy=policy,
                name=given.name,
                role=given.role,
                channel=given.channel,
                unmasked=given.no_redact,
            )
        )
    except (TrialFailed, PolicyError, UnsafeSurroundingsError, StoreFailed, KeysRefused) as error:
        raise _Unusable(str(error)) from error
    except KeyboardInterrupt:
        return 130


def _keys(given: argparse.Namespace) -> int:
    settings = StoreSettings()
    try:
        if given.host:
            folder = settings.data_dir / "worker" / given.host
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            HostKeys.load_or_create(folder / "keys").publish(settings.trust_dir, given.host)
            sys.stdout.write(f"public key of {given.host} in {settings.trust_dir}\n")
            return 0
        keys = BotKeys.load_or_create(settings.data_dir / "bot" / "keys")
        if given.what == "rotate":
            keys = keys.rotate()
        if given.what in {"publish", "rotate"}:
            keys.publish(settings.trust_dir)
    except KeysRefused as error:
        raise _Unusable(str(error)) from error
    sys.stdout.write(f"signs with {keys.key_id}; public keys in {settings.trust_dir}\n")
    return 0


def _policy(given: argparse.Namespace) -> int:
    from bot.policy.file import PolicyError  # noqa: PLC0415
    from bot.policy.tools import CasesError  # noqa: PLC0415

    try:
        return policy_cli.run(given)
    except (PolicyError, CasesError, ValueError, OSError) as error:
        raise _Unusable(str(error)) from error


def _audit(given: argparse.Namespace) -> int:
    try:
        return audit_cli.run(given)
    except Unusable as error:
        raise _Unusable(str(error)) from error


def _catalogue(given: argparse.Namespace) -> int:
    from bot.command_docs import write  # noqa: PLC0415
    from handlers.catalogue import load  # noqa: PLC0415

    if given.what == "docs":
        write(load(), Path("docs/commands"))
    else:
        sys.stdout.write(json.dumps(load().snapshot(), indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
