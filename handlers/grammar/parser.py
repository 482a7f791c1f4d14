"""Turns a line into a command, with the docker CLI's rules, messages and exit codes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handlers.elsewhere import ELSEWHERE, NOT_YET
from handlers.faults import Reason, UsageFault
from handlers.grammar import suggest, usage
from handlers.grammar.assemble import Spoken, assemble, warnings
from handlers.grammar.command import Command, Opt
from handlers.grammar.flags import (
    BREAK_GLASS,
    DRY_RUN,
    HELP_LETTER,
    HELPS,
    OURS,
    REASON,
    TIMES,
    WITHIN,
    Edit,
    Given,
    Misread,
    Table,
    flags_of,
    read,
    table_of,
)
from handlers.grammar.gonumbers import quote
from handlers.grammar.lookup import Catalogue
from handlers.grammar.secrecy import SHORTEST, masked_value, repeatable_text
from handlers.grammar.tokens import Token, tokenise
from handlers.grammar.values import BOOL, LIST

CORRECTIONS = 2
"""How many words of a line a suggestion may correct."""

TIMES_BOUNDS = 2, 20
WITHIN_BOUNDS = 60.0, 4 * 3600.0
"""In seconds."""
WITHIN_DEFAULT = 3600.0


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command ready to be decided on.

    ``host`` is what ``-H`` named or None. ``warnings`` are what the CLI says before it runs
    (deprecated spellings). ``dry_run``: only show what would be asked of the engine. ``reason`` is why it is
    wanted, for those who have to agree. ``break_glass`` is why it cannot wait for that, None where it can.
    With ``times`` above 1 their yes is to count for so many runs, within so many seconds.
    """

    command: Command
    host: str | None = None
    warnings: tuple[str, ...] = ()
    dry_run: bool = False
    reason: str = ""
    break_glass: str | None = None
    times: int = 1
    within: float = WITHIN_DEFAULT


@dataclass(frozen=True, slots=True)
class HelpAsked:
    """The line asks for help: ``text`` with its final newline, ``exit_code`` as the CLI's.

    ``warnings`` are what the CLI says before. ``unasked``: the line names no command, and the CLI shows
    on stderr which there are.
    ``topic`` is "" for the overview, else a group or a command's path: with it a caller can render
    the overview or the group again for what the asker may run.
    """

    text: str
    exit_code: int = 0
    topic: str = ""
    warnings: tuple[str, ...] = ()
    unasked: bool = False


DEPRECATED_LETTER = "Flag shorthand -h has been deprecated, use --help"


def parse(line: str, catalogue: Catalogue) -> Parsed | HelpAsked:
    """Parses one line, with or without the leading ``docker``.

    Raises:
        UsageFault: with the CLI's sentence and exit code, the span of what is wrong, the text the CLI
            prints below it as ``usage`` and, where one correction is plausible and parses, the
            corrected line.
    """
    return _Line(line, catalogue, CORRECTIONS).parse()


_OPTIONS = {
    "host": Opt("-H", "--host", help="Docker host to run the command on", type=LIST),
    "config": Opt("--config", help="Location of client config files"),
    "context": Opt("-c", "--context", help="Name of the context to use"),
    "debug": Opt("-D", "--debug", help="Enable debug mode", type=BOOL),
    "log_level": Opt("-l", "--log-level", help="Set the logging level"),
    "tls": Opt("--tls", help="Use TLS", type=BOOL),
    "tlscacert": Opt("--tlscacert", help="Trust certs signed only by this CA"),
    "tlscert": Opt("--tlscert", help="Path to TLS certificate file"),
    "tlskey": Opt("--tlskey", help="Path to TLS key file"),
    "tlsverify": Opt("--tlsverify", help="Use TLS and verify the remote", type=BOOL),
    "version": Opt("-v", "--version", help="Print version information and quit", type=BOOL),
}
_LEVELS = {"debug", "info", "warn", "error", "fatal", "panic"}


def _harmless(field: str, value: Any) -> bool:
    """Whether a client option changes nothing here: how much it logs, TLS that is turned off."""
    return field == "debug" or (field == "log_level" and value in _LEVELS) or (field == "tls" and not value)


_GLOBAL = Table(*flags_of(_OPTIONS), interspersed=False)
_GROUP = Table(*flags_of({}), interspersed=False)
_TOP_USAGE = f"Usage:  docker [OPTIONS] COMMAND [ARG...]\n\n{usage.run_help('')}"


class _Line:
    """One line on its way; every fault is made here, where the line is known."""

    def __init__(self, line: str, catalogue: Catalogue, corrections: int) -> None:
        self.line = line
        self.catalogue = catalogue
        self.corrections = corrections
        self.helps = False
        self.said: tuple[str, ...] = ()
        """What the CLI says of the way in which help was asked for."""
        self.ours: dict[str, Any] = {}
        """The options that are not docker's, as fields of Parsed."""
        self.host: str | None = None

    def parse(self) -> Parsed | HelpAsked:
        tokens = tokenise(self.line)
        if tokens and tokens[0].text in ("docker", "/docker"):
            tokens = tokens[1:]
        words: Sequence[Token] = tokens
        if tokens and tokens[0].text.startswith("-"):
            words = self._globals(tokens)
        if words and words[0].text == "help":
            return self._topic(words[1:])
        return self._find(words)

    def _globals(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Reads the options before the command; returns the words from the command on."""
        rest: list[Token] = []
        try:
            for given in read(tokens, _GLOBAL, rest):
                value = self._value(given)
                if given.flag in HELPS:
                    self._asks_help(given)
                elif _harmless(given.flag.field, value):
                    continue
                elif given.flag.field == "host":
                    self._choose_host(given, value)
                else:
                    raise self._not_a_host(given)
        except Misread as misread:
            raise self._misread(misread, _GLOBAL, _TOP_USAGE) from None
        return rest

    def _choose_host(self, given: Given, value: str) -> None:
        if self.host is not None:
            message = "Failed to initialize: unable to resolve docker endpoint: Specify only one -H"
            raise UsageFault(message, span=given.span, exit_code=1)
        if not value:
            raise UsageFault("-H needs the name of a host", span=given.span, reason=Reason.BAD_VALUE)
        self.host = value

    def _not_a_host(self, given: Given) -> UsageFault:
        name = given.flag.label
        edits = []
        hint = "Choose the host with -H NAME; connections are set up by the operators."
        if given.flag.field == "version":
            edits = [Edit(*given.span, "version")]
            hint = "Use `docker version`."
        return UsageFault(
            f"{name} is for a docker client, and there is none here",
            reason=Reason.NOT_OFFERED,
            span=given.span,
            hint=hint,
            suggestion=self._suggestion(edits),
        )

    def _topic(self, words: Sequence[Token]) -> HelpAsked:
        """``docker help …``."""
        self.helps = True
        named = [word for word in words if not word.text.startswith("-")]
        try:
            answer = self._find(named)
        except UsageFault as fault:
            if fault.reason is Reason.UNKNOWN_COMMAND and named:
                fault.message = (
                    f"unknown help topic: {' '.join(repeatable_text(word.text) for word in named)}"
                )
                fault.usage = ""
            raise
        if isinstance(answer, Parsed):
            raise TypeError("a help topic was parsed as a command")
        return answer

    def _find(self, words: Sequence[Token]) -> Parsed | HelpAsked:
        """Finds the command and hands it what follows."""
        if not words:
            overview = usage.overview(self.catalogue.commands)
            return HelpAsked(overview, warnings=self.said, unasked=not self.helps)
        first, rest = words[0], words[1:]
        if first.text in self.catalogue.groups:
            rest = self._group_options(first, rest)
            if not rest:
                text = usage.group(first.text, self.catalogue.commands)
                return HelpAsked(text, topic=first.text, warnings=self.said, unasked=not self.helps)
            spelling, word, rest = f"{first.text} {rest[0].text}", rest[0], rest[1:]
        else:
            spelling, word = first.text, first
        found = self.catalogue.spellings.get(spelling)
        if found is None:
            raise _elsewhere(spelling, first, word, rest) or self._unknown(spelling, first, word)
        return self._command(*found, (first.start, word.end), rest)

    def _group_options(self, group: Token, tokens: Sequence[Token]) -> Sequence[Token]:
        if not tokens or not tokens[0].text.startswith("-"):
            return tokens
        rest: list[Token] = []
        try:
            for given in read(tokens, _GROUP, rest):
                self._asks_help(given)
        except Misread as misread:
            below = f"Usage:  docker {group.text}\n\n{usage.run_help(group.text)}"
            raise self._misread(misread, _GROUP, below) from None
        return rest

    def _unknown(self, spelling: str, first: Token, word: Token) -> UsageFault:
        group = first.text if word is not first else ""
        vocabulary = self.catalogue.vocabulary
        close: tuple[str, ...] = ()
        if not group:  # `disconnect` alone: the groups that have it
            close = tuple(f"{g} {word.text}" for g, names in vocabulary.items() if g and word.text in names)
        close = close or suggest.closest(word.text, vocabulary.get(group, ()))
        edits = [Edit(word.start, word.end, better) for better in close]
        below = f"Usage:  docker {group}\n\n{usage.run_help(group)}" if group else usage.run_help("")
        return UsageFault(
            f"docker: unknown command: docker {repeatable_text(spelling)}",
            reason=Reason.UNKNOWN_COMMAND,
            span=(word.start, word.end),
            hint=suggest.sentence(close),
            suggestion=self._suggestion(edits),
            usage=below,
            exit_code=1,
        )

    def _command(
        self, command: type[Command], spelling: str, named: tuple[int, int], tokens: Sequence[Token]
    ) -> Parsed | HelpAsked:
        table = table_of(command)
        fields: dict[str, Any] = {}
        met: list[Given] = []
        rest: list[Token] = []
        try:
            for given in read(tokens, table, rest):
                value = self._value(given)
                flag = given.flag
                if flag in HELPS:
                    self._asks_help(given)
                    continue
                if flag in OURS:
                    self._take_ours(given, value)
                    continue
                met.append(given)
                if flag.opt.type.split:
                    fields.setdefault(flag.field, []).extend(value)
                elif flag.opt.type.repeatable:
                    fields.setdefault(flag.field, []).append(value)
                else:
                    fields[flag.field] = value
        except Misread as misread:
            raise self._misread(misread, table, usage.pointer(command, spelling)) from None
        if self.helps:
            return HelpAsked(usage.text(command, spelling), topic=command.path, warnings=self.said)
        if "within" in self.ours and "times" not in self.ours:
            lone = Misread("--within goes with --times", (tokens[0].start, tokens[-1].end), Reason.BAD_VALUE)
            raise self._misread(lone, table, usage.pointer(command, spelling))
        spoken = Spoken(command, spelling, named, tuple(met), tuple(rest))
        said = warnings(met)
        try:
            return Parsed(assemble(spoken, fields), self.host, said, **self.ours)
        except UsageFault as fault:
            fault.warnings = said
            raise

    def _take_ours(self, given: Given, value: Any) -> None:
        if given.flag in {DRY_RUN, REASON, BREAK_GLASS}:
            self.ours[given.flag.name.replace("-", "_")] = value
        elif given.flag == TIMES:
            least, most = TIMES_BOUNDS
            if not least <= value <= most:
                message = f"--times is a number from {least} to {most}"
                raise Misread(message, given.value_span, Reason.BAD_VALUE)
            self.ours["times"] = value
        elif given.flag == WITHIN:
            shortest, longest = WITHIN_BOUNDS
            if not shortest <= value / 1e9 <= longest:
                raise Misread("--within is from 1m to 4h", given.value_span, Reason.BAD_VALUE)
            self.ours["within"] = value / 1e9

    def _asks_help(self, given: Given) -> None:
        self.helps = self._value(given)
        if given.flag is HELP_LETTER:
            self.said = (DEPRECATED_LETTER,)

    def _value(self, given: Given) -> Any:
        kind = given.flag.opt.type
        try:
            if kind.split:
                return [kind.parse(part) for part in kind.split(given.text)]
            return kind.parse(given.text)
        except ValueError as error:
            shown = masked_value(given.flag.opt, given.text) if len(given.text) > SHORTEST else given.text
            why = str(error).replace(given.text, shown) if shown != given.text else str(error)
            message = f"invalid argument {quote(shown)} for {quote(given.flag.label)} flag: {why}"
            raise Misread(message, given.value_span, Reason.BAD_VALUE) from None

    def _misread(self, misread: Misread, table: Table, below: str) -> UsageFault:
        edits, hint = list(misread.edits), ""
        if misread.misspelt:
            close, edits = _close_options(misread, table)
            hint = suggest.sentence(close) or _of_all_commands(misread)
        elif edits:
            hint = "Options begin with two hyphens."
        return UsageFault(
            misread.message,
            reason=misread.reason,
            span=misread.span,
            hint=hint,
            suggestion=self._suggestion(edits),
            usage=below,
        )

    def _suggestion(self, edits: Sequence[Edit]) -> str | None:
        """The corrected line, when there is one correction and the result parses."""
        if len(edits) != 1 or self.corrections == 0:
            return None
        start, end, text = edits[0]
        corrected = self.line[:start] + text + self.line[end:]
        try:
            _Line(corrected, self.catalogue, self.corrections - 1).parse()
        except UsageFault as fault:
            return fault.suggestion
        return corrected


def _elsewhere(spelling: str, first: Token, word: Token, rest: Sequence[Token]) -> UsageFault | None:
    """The fault for a docker command that there is, but not here."""
    longer = f"{spelling} {rest[0].text}" if rest else ""
    if longer in ELSEWHERE:
        spelling, word = longer, rest[0]
    why = ELSEWHERE.get(spelling) or (NOT_YET if spelling in usage.GROUPS else "")
    if not why:
        return None
    return UsageFault(
        f"docker {spelling} {why}",
        reason=Reason.NOT_OFFERED,
        span=(first.start, word.end),
        hint="`docker help` lists what there is.",
        exit_code=1,
    )


def _of_all_commands(misread: Misread) -> str:
    """What to do about an option that is right, but stands behind the command."""
    if misread.misspelt.partition("=")[0] not in {"H", "host"}:
        return ""
    return "The host goes before the command: `-H HOST COMMAND`."


def _close_options(misread: Misread, table: Table) -> tuple[tuple[str, ...], list[Edit]]:
    """Options that a misspelt one is close to, and the edits that would write them."""
    start = misread.span[0]
    typed = misread.misspelt.partition("=")[0]
    dashes = 2 if misread.message.startswith("unknown flag") else 1
    if dashes == 1 and len(typed) < 2:
        return (), []
    shown = [name for name, flag in table.longs.items() if name == flag.opt.long and not flag.opt.hidden]
    close = (typed,) if typed in table.longs else suggest.closest(typed, shown)
    edits = [Edit(start, start + dashes + len(typed), f"--{name}") for name in close]
    return tuple(f"--{name}" for name in close), edits
