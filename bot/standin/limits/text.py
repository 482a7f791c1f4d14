"""Text objects, options and the confirmation dialog."""

from bot.standin.limits.checks import Check, Shape, boolean, items, kind, one_of, string, typed

BLOCK_ID = 255
ACTION_ID = 255
URL = 3000
VALUE = 2000

ANY_TEXT = ("plain_text", "mrkdwn")
PLAIN = ("plain_text",)


def text(high: int = 3000, kinds: tuple[str, ...] = ANY_TEXT, low: int = 1) -> Check:
    """A text object of at most ``high`` characters, of the ``kinds`` that may stand here."""
    shown = string(low, high, shown=True)
    return typed(
        {
            "plain_text": Shape({"type": kind("plain_text"), "text": shown}, {"emoji": boolean}),
            "mrkdwn": Shape({"type": kind("mrkdwn"), "text": shown}, {"verbatim": boolean}),
        },
        kinds,
    )


STYLE = one_of("primary", "danger")
"""A button's style; the default one has no name."""

CONFIRM = Shape(
    {"title": text(100, PLAIN), "text": text(300), "confirm": text(30, PLAIN), "deny": text(30, PLAIN)},
    {"style": STYLE},
)


def option(kinds: tuple[str, ...], *, url: bool = False) -> Shape:
    """One choice of a select (plain text only), of checkboxes or radio buttons (any text)."""
    optional: dict[str, Check] = {"description": text(75, kinds)}
    if url:
        optional["url"] = string(1, URL)
    return Shape({"text": text(75, kinds), "value": string(1, 150)}, optional)


SELECT_OPTION = option(PLAIN)
CHOICE_OPTION = option(ANY_TEXT)
OVERFLOW_OPTION = option(PLAIN, url=True)
OPTION_GROUP = Shape({"label": text(75, PLAIN), "options": items(SELECT_OPTION, 1, 100)})
