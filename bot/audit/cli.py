"""The arguments of ``docktalk audit``, and what each of its words does."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bot.audit import tools as audit_tools
from bot.audit.reading import Filters, moment, parse_filters
from bot.audit.tools import Unusable
from bot.key_files import KeysRefused
from bot.keys import BotKeys
from bot.settings import StoreSettings
from bot.trust import Trust

_FILTERS = {
    "user": "an id or a name",
    "target": "a container, image, network or volume; * and ? stand for letters",
    "since": "90m, 2h, 3d ago, or 2026-11-24T19:30 (UTC)",
    "until": "likewise",
    "job": "such as J-42",
    "incident": "an incident's name (INC-12), or a thread's timestamp",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the words to the parser of ``docktalk audit``."""
    words = parser.add_subparsers(required=True, metavar="WHAT")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        word = words.add_parser(name, help=text, description=text)
        word.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="instead of the bot's own")
        word.set_defaults(audit=run)
        return word

    verify = add("verify", _verify, "Check the chain; needs public keys only. 0 sound, 1 altered, 3 gaps")
    verify.add_argument(
        "--keys", type=Path, metavar="FOLDER", help="where bot-….pub lie (default: trust folder)"
    )
    verify.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="RECORD:HASH",
        help="what a checkpoint's message said; finds a folder taken back to an older state",
    )
    show = add("show", _show, "Print records, as a Markdown timeline or as JSON lines")
    for name, text in _FILTERS.items():
        show.add_argument(f"--{name}", metavar=name.upper(), help=text)
    form = show.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the lines of the chain")
    form.add_argument("--markdown", action="store_true", help="a timeline (the default)")
    prune = add("prune", _prune, "Remove old segments; the rest stays verifiable")
    prune.add_argument("--older-than", required=True, metavar="AGE", help="400d, or a day")


def run(given: argparse.Namespace) -> int:
    """Runs one of the words; raises Unusable, KeysRefused or BrokenPipeError."""
    status: int = given.audit(given)
    return status


def _verify(given: argparse.Namespace) -> int:
    keys = given.keys or StoreSettings().trust_dir
    report = audit_tools.verify(_folder(given), Trust(keys).signed, audit_tools.parse_against(given.against))
    sys.stdout.writelines(audit_tools.told(report))
    return audit_tools.status(report)


def _show(given: argparse.Namespace) -> int:
    words = [word for name in _FILTERS if (value := getattr(given, name)) for word in (f"--{name}", value)]
    try:
        filters: Filters = parse_filters(words, time.time())
    except ValueError as error:
        raise Unusable(str(error)) from error
    sys.stdout.writelines(audit_tools.export(_folder(given), filters, as_json=given.json))
    return 0


def _prune(given: argparse.Namespace) -> int:
    settings = StoreSettings()
    now = time.time()
    try:
        older_than = moment(given.older_than, now)
    except ValueError as error:
        raise Unusable(str(error)) from error
    try:
        keys = BotKeys.load_or_create(settings.data_dir / "bot" / "keys")
    except KeysRefused as error:
        raise Unusable(str(error)) from error
    signed = Trust(settings.trust_dir).signed
    anchor = audit_tools.prune(_folder(given), keys, signed, older_than=older_than, now=now)
    if anchor is None:
        sys.stdout.write("no segment is as old\n")
    else:
        sys.stdout.write(f"removed what came before record {anchor.seq + 1}; a signed anchor says so\n")
    return 0


def _folder(given: argparse.Namespace) -> Path:
    folder: Path = given.folder or StoreSettings().audit_dir
    if not folder.is_dir():
        raise Unusable(f"{folder}: no such folder")
    return folder
