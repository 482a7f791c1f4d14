"""The lines about jobs under ``/docktalk``: list, follow, cancel, read again, … Buttons say them too."""

import re
from typing import Annotated

from bot.approvals import budget_lines
from bot.approvals import lines as approval_lines
from bot.holds import lines as hold_lines
from bot.incidents import lines as incident_lines
from bot.jobs.matching import BadPattern, Matcher
from bot.jobs.wire import ShowOrder
from bot.lending import lines as lending_lines
from bot.own import revoke_lines, use_lines
from bot.written import check_spelled, spelled
from handlers.faults import Reason, UsageFault
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.lookup import Catalogue
from handlers.grammar.parser import HelpAsked, parse
from handlers.grammar.values import BOOL, INT
from permissions.verbs import Danger, Verb

MOST_LINES = 200
MOST_CONTEXT = 50

_PROGRAM = re.compile(r"\bdocker\b")


class Jobs(Command, path="jobs", verb=Verb.LIST, danger=Danger.SAFE, example="jobs"):
    """List the jobs that run or wait, and what is to be approved."""

    all: Annotated[
        bool, Opt("-a", "--all", help="Also those of other channels, if you may see them", type=BOOL)
    ] = False


class OfJob(Command):
    """A line about one job."""

    job: Annotated[str, Arg("JOB")]

    def check(self) -> None:
        """Raises UsageFault for what is no job's id."""
        hint = "`/docktalk jobs` lists what runs; every message of a job ends with its id."
        check_spelled(self.job, "J", what="job", example="J-42", hint=hint)

    @property
    def job_id(self) -> str:
        """The id in its one spelling."""
        return spelled(self.job, "J")


class Cancel(OfJob, path="cancel", verb=Verb.OPERATE, danger=Danger.SAFE, example="cancel J-42"):
    """Stop a job that runs, or take back one that waits."""


class Check(OfJob, path="check", verb=Verb.REVEAL, danger=Danger.SAFE, example="check J-42"):
    """Look again at what became of a change whose outcome is not sure; nothing runs."""


class Follow(OfJob, path="follow", verb=Verb.LIST, danger=Danger.SAFE, example="follow J-42"):
    """Find the message of a job, which shows how it goes."""


class Display(OfJob, path="display", verb=Verb.LIST, danger=Danger.SAFE, example="display J-42 --pause"):
    """Pause or resume what the message of a running job shows."""

    pause: Annotated[bool, Opt("--pause", help="Leave the message as it is", type=BOOL)] = False


class Grep(
    OfJob,
    path="grep",
    verb=Verb.LIST,
    danger=Danger.SAFE,
    example="grep J-42 ERROR",
):
    """Show only some lines of a running job: those with a pattern, or all again without one."""

    words: Annotated[tuple[str, ...], Arg("PATTERN", least=0)] = ()

    def check(self) -> None:
        """Raises UsageFault for no job, or no pattern."""
        super().check()
        check_pattern(self.pattern)

    @property
    def pattern(self) -> str:
        """All its words, "" for none."""
        return " ".join(self.words)


class Show(
    OfJob,
    path="show",
    verb=Verb.REVEAL,
    danger=Danger.SAFE,
    example="show J-42 --grep ERROR -C 3 --tail 50",
):
    """Read the output of a job again; nothing runs again."""

    above: Annotated[int, Opt("--above", help="The first lines with a greater number", type=INT)] = 0
    after: Annotated[int, Opt("-A", "--after-context", help="Lines after each match", type=INT)] = 0
    before: Annotated[int, Opt("-B", "--before-context", help="Lines before each match", type=INT)] = 0
    below: Annotated[int, Opt("--below", help="The last lines with a lesser number", type=INT)] = 0
    context: Annotated[int, Opt("-C", "--context", help="Lines before and after each match", type=INT)] = 0
    file: Annotated[bool, Opt("--file", help="Attach the whole as a file", type=BOOL)] = False
    grep: Annotated[str, Opt("-e", "--grep", help="Only lines with this regular expression")] = ""
    instead: Annotated[str, Opt("--instead", help="Show it in the message of that job", hidden=True)] = ""
    stderr: Annotated[bool, Opt("--stderr", help="The error output instead of the output", type=BOOL)] = False
    tail: Annotated[int, Opt("-n", "--tail", help="How many lines", type=INT, default="50")] = 50

    def check(self) -> None:
        """Raises UsageFault for numbers out of bounds, and what is no job or pattern."""
        super().check()
        check_pattern(self.grep)
        bounds = {
            "tail": (1, MOST_LINES),
            "context": (0, MOST_CONTEXT),
            "before": (0, MOST_CONTEXT),
            "after": (0, MOST_CONTEXT),
            "above": (0, 10**12),
            "below": (0, 10**12),
        }
        for field, (least, most) in bounds.items():
            if not least <= getattr(self, field) <= most:
                name = self.options[field].long
                raise UsageFault(
                    f"--{name} is a number from {least:,} to {most:,}", reason=Reason.BAD_VALUE, exit_code=1
                )

    def order(self) -> ShowOrder:
        """What the worker is to read."""
        return ShowOrder(
            job_id=self.job_id,
            stream="stderr" if self.stderr else "stdout",
            pattern=self.grep,
            before=self.before or self.context,
            after=self.after or self.context,
            lines=self.tail,
            below=self.below,
            above=self.above,
            whole=self.file,
        )


CATALOGUE = Catalogue(
    (
        Jobs,
        Cancel,
        Check,
        Display,
        Follow,
        Grep,
        Show,
        *approval_lines.LINES,
        *hold_lines.LINES,
        *incident_lines.LINES,
        *use_lines.LINES,
        *lending_lines.LINES,
        *budget_lines.LINES,
        *revoke_lines.LINES,
    )
)
WORDS = {command.path: command.summary() for command in CATALOGUE.commands}
"""What ``/docktalk help`` lists."""

_BEGINNINGS = {path.split()[0] for path in WORDS}


def check_pattern(pattern: str) -> None:
    """Raises UsageFault for what is no regular expression."""
    try:
        Matcher(pattern, 1.0)
    except BadPattern as error:
        raise UsageFault(
            f"not a pattern: {error}",
            reason=Reason.BAD_VALUE,
            exit_code=1,
            hint="A pattern is a regular expression; put a backslash before ( ) [ ] . * + ? to mean itself.",
        ) from None


def job_line(text: str) -> Command | HelpAsked | None:
    """The line as a command, or its help; None when it is about no job. Raises UsageFault."""
    if (text.split() or [""])[0] not in _BEGINNINGS:
        return None
    try:
        parsed = parse(text, CATALOGUE)
    except UsageFault as fault:
        fault.message = _ours(fault.message)
        fault.usage = _ours(fault.usage or f"Usage:  docker {_path(text)}")
        fault.hint = _ours(fault.hint).replace("For example: `", "For example: `/docktalk ")
        raise
    return HelpAsked(_ours(parsed.text)) if isinstance(parsed, HelpAsked) else parsed.command


def _path(text: str) -> str:
    """The command that a line begins with, "" for none."""
    words = text.split()
    return next((path for path in WORDS if words[: len(path.split())] == path.split()), "")


def _ours(text: str) -> str:
    return _PROGRAM.sub("docktalk", text)
