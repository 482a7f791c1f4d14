"""The arguments of ``docktalk policy``, and what each of its words does."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bot.audit.reading import Filters, moment
from bot.own.commands import AUDIT
from bot.own.operations import OWN_VERBS
from bot.policy.answers import CAN_I
from bot.policy.file import KnownCommand, load
from bot.policy.tools import Asked, asked_before, asked_of, changes, failures, read_cases, told
from handlers import catalogue
from permissions.policy import Policy
from permissions.verbs import Verb


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the words to the parser of ``docktalk policy``."""
    words = parser.add_subparsers(required=True, metavar="WHAT")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        word = words.add_parser(name, help=text, description=text)
        word.set_defaults(policy=run)
        return word

    check = add("check", _check, "List every mistake in a policy")
    check.add_argument("file", type=Path, metavar="POLICY", help="a file, or a folder of *.yaml files")
    test = add("test", _test, "Decide cases; 1 when one comes out otherwise than it says")
    test.add_argument("file", type=Path, metavar="POLICY")
    test.add_argument("cases", type=Path, metavar="CASES")
    diff = add("diff", _diff, "List what comes out otherwise under a new policy; 1 when something does")
    diff.add_argument("old", type=Path, metavar="OLD")
    diff.add_argument("new", type=Path, metavar="NEW")
    what = diff.add_mutually_exclusive_group(required=True)
    what.add_argument("--cases", type=Path, metavar="CASES", help="of these cases")
    what.add_argument("--audit", type=Path, metavar="FOLDER", help="of what was asked for, by this audit")
    diff.add_argument(
        "--since", default="30d", metavar="AGE", help="with --audit: how far back (default: 30d)"
    )


def run(given: argparse.Namespace) -> int:
    """Runs one of the words; raises PolicyError, CasesError, ValueError or OSError."""
    status: int = given.policy(given)
    return status


def _read(path: Path) -> Policy:
    commands = [KnownCommand.of(command) for command in catalogue.load().commands]
    commands += [KnownCommand(path=AUDIT, verb=Verb.ADMIN, flags=tuple(Filters.model_fields))]
    commands += [KnownCommand(path=CAN_I, verb=Verb.ADMIN, flags=("as",))]
    commands += [KnownCommand(path=path, verb=verb) for path, verb in OWN_VERBS.items()]
    return load(path, commands=commands).policy


def _check(given: argparse.Namespace) -> int:
    policy = _read(given.file)
    counted = f"{len(policy.roles)} roles, {len(policy.bindings)} bindings"
    sys.stdout.write(f"{given.file}: {counted}, no mistakes\n")
    return 0


def _test(given: argparse.Namespace) -> int:
    cases = read_cases(given.cases)
    failed = failures(_read(given.file), cases, catalogue.load())
    for case, decision in failed:
        wanted = f"{case.verdict} ({case.rule})" if case.rule else case.verdict
        who = " ".join((case.user, *case.groups))
        sys.stdout.write(f"{who} in {case.channel}: {case.line}: {told(decision)}, not {wanted}\n")
    sys.stdout.write(f"{len(cases)} cases, {len(failed)} come out otherwise\n")
    return 1 if failed else 0


def _diff(given: argparse.Namespace) -> int:
    old, new = _read(given.old), _read(given.new)
    if given.cases:
        everything: Iterable[Asked] = asked_of(read_cases(given.cases), catalogue.load())
    else:
        everything = asked_before(given.audit, moment(given.since, time.time()))
    number = 0
    for asked, before, after in changes(old, new, everything):
        number += 1
        sys.stdout.write(f"{asked.shown}: {told(before)} becomes {told(after)}\n")
    sys.stdout.write(f"{number} come out otherwise\n")
    return 1 if number else 0
