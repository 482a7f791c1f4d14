"""Splits a line into words as a POSIX shell would, and does nothing else that a shell does."""

import re
from typing import NamedTuple

from handlers.faults import Reason, UsageFault

MAX_CHARACTERS = 8_000
MAX_TOKENS = 2_000

BLANKS = " \t\r\n"
_WORD = re.compile(r"""(?:[^\s'"\\]|[^\S \t\r\n]|\\(?:\r\n|.)|'[^']*'|"(?:[^"\\]|\\.)*")++""", re.DOTALL)
_PIECE = re.compile(r"""\\(\r?\n|.)|'([^']*)'|"((?:[^"\\]|\\.)*)"|([^'"\\]+)""", re.DOTALL)
_IN_DOUBLE = re.compile(r'\\(["\\])')
_OPERATOR = re.compile(r"\d*[<>]|&[&>]?|\|\|?|;|\$\(|`")


class Token(NamedTuple):
    """One word: its ``text`` without quotes, and where it stands in the line, quotes included."""

    text: str
    start: int
    end: int


def tokenise(line: str) -> tuple[Token, ...]:
    """The words of a line.

    Quotes, backslashes and white space work as in ``shlex``; a backslash before a line end joins the
    lines, as shells do.

    Raises:
        UsageFault: an unclosed quote, a shell operator, or a line that is too long, with its span.
    """
    if len(line) > MAX_CHARACTERS:
        raise UsageFault(
            f"the line is longer than {MAX_CHARACTERS:,} characters",
            reason=Reason.TOO_LONG,
            span=(MAX_CHARACTERS, len(line)),
            hint="Shorten it, or put long values into a file.",
        )
    _refuse_what_no_argument_can_hold(line)
    tokens = scan(line)
    if len(tokens) > MAX_TOKENS:
        raise UsageFault(
            f"the line has more than {MAX_TOKENS:,} words",
            reason=Reason.TOO_LONG,
            span=(tokens[MAX_TOKENS].start, len(line)),
            hint="Split it into several commands.",
        )
    end = tokens[-1].end if tokens else 0
    rest = line[end:].lstrip(BLANKS)
    if rest:
        raise _unclosed(line, len(line) - len(rest))
    for token in tokens:
        if _OPERATOR.match(line, token.start):
            raise _operator(line, token)
    return tokens


def scan(line: str) -> tuple[Token, ...]:
    """The words up to the first unclosed quote, whatever they hold; never fails."""
    tokens: list[Token] = []
    position = 0
    while True:
        while position < len(line) and line[position] in BLANKS:
            position += 1
        match = _WORD.match(line, position)
        if match is None:
            return tuple(tokens)
        start, position = match.span()
        raw = match.group()
        text = raw if raw.isalnum() else _unquoted(raw)
        if text is not None:
            tokens.append(Token(text, start, position))
        if position < len(line) and line[position] not in BLANKS:  # an unclosed quote inside the word
            return tuple(tokens[:-1])


def _unquoted(raw: str) -> str | None:
    """The word without its quotes; None when it is nothing but a joined line end."""
    if "'" not in raw and '"' not in raw and "\\" not in raw:
        return raw
    parts = []
    for escaped, single, double, plain in _PIECE.findall(raw):
        if escaped:
            parts.append("" if escaped.endswith("\n") else escaped)
        else:
            parts.append(plain or single or _IN_DOUBLE.sub(r"\1", double))
    text = "".join(parts)
    return text if text or "'" in raw or '"' in raw else None


def _refuse_what_no_argument_can_hold(line: str) -> None:
    if line.isascii() and "\0" not in line:
        return
    for position, character in enumerate(line):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            raise UsageFault(
                "the line holds a character that no command line can carry",
                reason=Reason.BAD_VALUE,
                span=(position, position + 1),
                hint="Type the line again instead of pasting it.",
            )


def _unclosed(line: str, start: int) -> UsageFault:
    """``start`` is where the unfinished word begins; the fault points at the quote that stays open."""
    word = _WORD.match(line, start)
    opening = word.end() if word else start
    if line[opening] == "\\":
        message, hint = "nothing follows the last backslash", "Remove it, or write it twice."
    else:
        message = f"the quote {line[opening]} is never closed"
        hint = f"Close it, or write \\{line[opening]} to mean the character itself."
    return UsageFault(message, reason=Reason.UNCLOSED_QUOTE, span=(opening, len(line)), hint=hint)


def _operator(line: str, token: Token) -> UsageFault:
    match = _OPERATOR.match(line, token.start)
    sign = match.group() if match else token.text
    if ">" in sign or "<" in sign:
        message = f"`{sign}` is a shell's redirection, not docker's, and no shell runs here"
        hint = (
            "The output comes back in the thread; commands that write a file, such as export and save, "
            f"take -o FILE. Quote '{sign}' to pass it on."
        )
    elif sign.startswith(("|", "&", ";")):
        message = f"`{sign}` joins commands in a shell, not in docker, and no shell runs here"
        hint = f"Send one command at a time; quote '{sign}' to pass it on."
    else:
        message = f"`{sign}` runs a command in a shell, not in docker, and no shell runs here"
        hint = f"Write the result itself; quote '{sign}' to pass it on."
    return UsageFault(message, span=(token.start, token.end), hint=hint)
