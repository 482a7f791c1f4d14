"""What the lines under ``/docktalk`` check alike: ids that people write, and texts that people read."""

import re

from bot.slack.blocks import line
from handlers.faults import Reason, UsageFault
from handlers.grammar.secrecy import replace, secret_regions

_ID = re.compile(r"(?:([A-Za-z])-?)?([0-9]{1,18})")


def spelled(text: str, letters: str) -> str:
    """An id in its one spelling: ``J-42`` for ``j42``, and for ``42`` where one letter alone is meant.

    ``letters`` are those that may begin it; "" for what is no such id.
    """
    found = _ID.fullmatch(text)
    if found is None:
        return ""
    letter = (found[1] or (letters if len(letters) == 1 else "?")).upper()
    return f"{letter}-{int(found[2])}" if letter in letters else ""


def check_spelled(text: str, letters: str, *, what: str, example: str, hint: str) -> None:
    """Raises UsageFault for what is no id of ``what``, see :func:`spelled`; ``example`` is one."""
    if not spelled(text, letters):
        raise _no_id(text, what, example, hint)


def check_id(text: str, shape: re.Pattern[str], *, what: str, example: str, hint: str) -> None:
    """Raises UsageFault for what has not the shape of ``what``'s ids, which ``example`` has."""
    if not shape.fullmatch(text):
        raise _no_id(text, what, example, hint)


def _no_id(text: str, what: str, example: str, hint: str) -> UsageFault:
    return UsageFault(
        f"{text!r} is no {what}: an id is written {example}",
        reason=Reason.BAD_VALUE,
        exit_code=1,
        hint=hint,
    )


def check_length(what: str, text: str, most: int) -> None:
    """Raises UsageFault for a text of more than ``most`` characters: nobody reads it to its end."""
    if len(text) > most:
        raise UsageFault(
            f"the {what} is longer than {most} characters",
            reason=Reason.TOO_LONG,
            exit_code=1,
            hint="Say the rest in the thread.",
        )


def as_kept(text: str) -> str:
    """A text as it is kept, shown and told to the audit: on one line, with nothing unseen or secret in it."""
    text = line(text)
    return replace(text, secret_regions(text))
