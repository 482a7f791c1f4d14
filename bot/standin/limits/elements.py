"""The interactive elements and images that blocks hold, and where each may stand."""

from bot.standin.limits.checks import (
    Check,
    Json,
    Shape,
    Walk,
    anything,
    boolean,
    items,
    kind,
    number,
    one_of,
    string,
)
from bot.standin.limits.rich_text import RICH_TEXT
from bot.standin.limits.text import (
    ACTION_ID,
    CHOICE_OPTION,
    CONFIRM,
    OPTION_GROUP,
    OVERFLOW_OPTION,
    PLAIN,
    SELECT_OPTION,
    STYLE,
    URL,
    VALUE,
    text,
)

_ACTION: dict[str, Check] = {"action_id": string(1, ACTION_ID), "confirm": CONFIRM, "focus_on_load": boolean}
_PLACEHOLDER: dict[str, Check] = {"placeholder": text(150, PLAIN)}
_DISPATCH: dict[str, Check] = {
    "dispatch_action_config": Shape(
        {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), 1)}
    )
}
_ID = string(1)


def _element(
    name: str, required: dict[str, Check], optional: dict[str, Check], also: Check | None = None
) -> Shape:
    return Shape({"type": kind(name), **required}, optional, also)


def _options_or_groups(value: Json, at: str, walk: Walk) -> None:
    if ("options" in value) == ("option_groups" in value):
        walk.note(
            at,
            "missing_field" if "options" not in value else "invalid_value",
            "must define exactly one of `options` and `option_groups`",
            "options",
            type="required",
        )


def _select(name: str, *, multi: bool, source: dict[str, Check], also: Check | None = None) -> Shape:
    optional = {**_ACTION, **_PLACEHOLDER, **source}
    if multi:
        optional["max_selected_items"] = number(1)
    return _element(name, {}, optional, also)


def _selects() -> dict[str, Check]:
    made: dict[str, Check] = {}
    static: dict[str, Check] = {
        "options": items(SELECT_OPTION, 1, 100),
        "option_groups": items(OPTION_GROUP, 1, 100),
    }
    conversation: dict[str, Check] = {"default_to_current_conversation": boolean, "filter": anything}
    ids = items(_ID)
    for prefix in ("", "multi_"):
        multi = prefix == "multi_"
        initial: dict[str, Check] = (
            {"initial_options": items(SELECT_OPTION, 1)} if multi else {"initial_option": SELECT_OPTION}
        )
        named: dict[str, dict[str, Check]] = {
            "users_select": {"initial_users": ids} if multi else {"initial_user": _ID},
            "channels_select": {"initial_channels": ids} if multi else {"initial_channel": _ID},
            "conversations_select": {
                **conversation,
                **({"initial_conversations": ids} if multi else {"initial_conversation": _ID}),
            },
            "external_select": {"min_query_length": number(0), **initial},
        }
        made[f"{prefix}static_select"] = _select(
            f"{prefix}static_select", multi=multi, source={**static, **initial}, also=_options_or_groups
        )
        for name, source in named.items():
            if not multi and name in {"channels_select", "conversations_select"}:
                source["response_url_enabled"] = boolean
            made[f"{prefix}{name}"] = _select(f"{prefix}{name}", multi=multi, source=source)
    return made


_LABELS: dict[str, Check] = {"accessibility_label": string(1, 75)}
_FEEDBACK = Shape({"text": text(75, PLAIN), "value": string(1, VALUE)}, _LABELS)
_PICK = {**_ACTION, **_PLACEHOLDER}
_TYPED = {**_PICK, **_DISPATCH, "initial_value": string(0)}


def one_source(value: Json, at: str, walk: Walk) -> None:
    """An image has a URL or a file of Slack, not both and not none."""
    if ("image_url" in value) == ("slack_file" in value):
        walk.note(
            at,
            "missing_field",
            "must define exactly one of `image_url` and `slack_file`",
            "image_url",
            type="required",
        )


IMAGE_FIELDS: dict[str, Check] = {
    "image_url": string(1, URL),
    "slack_file": Shape(optional={"id": _ID, "url": _ID}),
}

ELEMENTS: dict[str, Check] = {
    "button": _element(
        "button",
        {"text": text(75, PLAIN)},
        {
            "action_id": string(1, ACTION_ID),
            "confirm": CONFIRM,
            "style": STYLE,
            "url": string(1, URL),
            "value": string(1, VALUE),
            **_LABELS,
        },
    ),
    "overflow": _element(
        "overflow",
        {"options": items(OVERFLOW_OPTION, 1, 5)},
        {"action_id": string(1, ACTION_ID), "confirm": CONFIRM},
    ),
    "image": _element("image", {"alt_text": string(1, 2000)}, IMAGE_FIELDS, one_source),
    "checkboxes": _element(
        "checkboxes",
        {"options": items(CHOICE_OPTION, 1, 10)},
        {**_ACTION, "initial_options": items(CHOICE_OPTION, 1, 10)},
    ),
    "radio_buttons": _element(
        "radio_buttons",
        {"options": items(CHOICE_OPTION, 1, 10)},
        {**_ACTION, "initial_option": CHOICE_OPTION},
    ),
    "datepicker": _element("datepicker", {}, {**_PICK, "initial_date": string(10, 10)}),
    "timepicker": _element("timepicker", {}, {**_PICK, "initial_time": string(5, 5), "timezone": _ID}),
    "datetimepicker": _element("datetimepicker", {}, {**_ACTION, "initial_date_time": number()}),
    "plain_text_input": _element(
        "plain_text_input",
        {},
        {**_TYPED, "multiline": boolean, "min_length": number(0, 3000), "max_length": number(1, 3000)},
    ),
    "email_text_input": _element("email_text_input", {}, dict(_TYPED)),
    "url_text_input": _element("url_text_input", {}, dict(_TYPED)),
    "number_input": _element(
        "number_input",
        {"is_decimal_allowed": boolean},
        {**_TYPED, "min_value": string(1), "max_value": string(1)},
    ),
    "rich_text_input": _element("rich_text_input", {}, {**_PICK, **_DISPATCH, "initial_value": RICH_TEXT}),
    "file_input": _element(
        "file_input", {}, {**_ACTION, "filetypes": items(_ID, 1), "max_files": number(1, 10)}
    ),
    "workflow_button": _element(
        "workflow_button",
        {"text": text(75, PLAIN), "workflow": anything},
        {"action_id": string(1, ACTION_ID), "style": STYLE, **_LABELS},
    ),
    "feedback_buttons": _element(
        "feedback_buttons",
        {"positive_button": _FEEDBACK, "negative_button": _FEEDBACK},
        {"action_id": string(1, ACTION_ID)},
    ),
    "icon_button": _element(
        "icon_button",
        {"icon": one_of("trash"), "text": text(75, PLAIN)},
        {
            "action_id": string(1, ACTION_ID),
            "confirm": CONFIRM,
            "value": string(1, VALUE),
            "visible_to_user_ids": items(_ID),
            **_LABELS,
        },
    ),
    **_selects(),
}
"""Every element by its type."""

_PICKERS = (
    "checkboxes",
    "radio_buttons",
    "datepicker",
    "timepicker",
    *(name for name in ELEMENTS if name.endswith("_select")),
)
IN_SECTION = ("button", "overflow", "image", "workflow_button", *_PICKERS)
IN_ACTIONS = ("button", "overflow", "workflow_button", "datetimepicker", *_PICKERS)
IN_INPUT = (
    "plain_text_input",
    "email_text_input",
    "url_text_input",
    "number_input",
    "rich_text_input",
    "file_input",
    "datetimepicker",
    *_PICKERS,
)
IN_CONTEXT_ACTIONS = ("feedback_buttons", "icon_button")
