"""What Slack refuses is refused, with the code and the pointer that help to mend it."""

import copy

import pytest

from bot.standin.limits import block_problems, error_of, view_problems


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def section(text="x", **more):
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**more):
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


def actions(*elements):
    return {"type": "actions", "elements": list(elements)}


def rich(*leaves):
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(leaves)}]}


def raw(text):
    return {"type": "raw_text", "text": text}


def table(rows=1, columns=1, text="x", **more):
    return {"type": "table", "rows": [[raw(text)] * columns for _ in range(rows)], **more}


def confirm(text="Sure?"):
    return {"title": plain("T"), "text": plain(text), "confirm": plain("Y"), "deny": plain("N")}


def select(**more):
    return {"type": "static_select", "action_id": "pick", "placeholder": plain("Pick"), **more}


OPTION = {"text": plain("one"), "value": "1"}

BAD = {
    "a section over 3000": ([section("x" * 3001)], "too_long", "/blocks/0/text/text"),
    "51 blocks": ([{"type": "divider"}] * 51, "too_many_items", "/blocks"),
    "a header with mrkdwn": (
        [{"type": "header", "text": mrkdwn("x")}],
        "unknown_type",
        "/blocks/0/text/type",
    ),
    "a button value over 2000": (
        [actions(button(value="x" * 2001))],
        "too_long",
        "/blocks/0/elements/0/value",
    ),
    "an unknown block": ([{"type": "blink"}], "unknown_type", "/blocks/0/type"),
    "a block without a type": ([{}], "missing_field", "/blocks/0"),
    "a block id used twice": (
        [section(block_id="a"), section(block_id="a")],
        "duplicate_block_id",
        "/blocks/1/block_id",
    ),
    "two tables": ([table(), table()], "only_one_table_allowed", "/blocks/1"),
    "26 elements": (
        [actions(*(button(action_id=f"a{n}") for n in range(26)))],
        "too_many_items",
        "/blocks/0/elements",
    ),
    "a confirmation over 300": (
        [actions(button(confirm=confirm("x" * 301)))],
        "too_long",
        "/blocks/0/elements/0/confirm/text/text",
    ),
    "a select without options": ([actions(select())], "missing_field", "/blocks/0/elements/0"),
    "a select with no option in it": (
        [actions(select(options=[]))],
        "too_few_items",
        "/blocks/0/elements/0/options",
    ),
    "an empty section": ([{"type": "section"}], "missing_field", "/blocks/0"),
    "a table of 101 rows": ([table(101)], "too_many_items", "/blocks/0/rows"),
    "a green button": ([actions(button(style="green"))], "invalid_value", "/blocks/0/elements/0/style"),
    "an alert in a message": ([{"type": "alert", "text": plain("x")}], "not_on_surface", "/blocks/0/type"),
    "empty text": ([section("")], "too_short", "/blocks/0/text/text"),
    "an unknown rich text element": (
        [rich({"type": "blink", "text": "x"})],
        "unknown_type",
        "/blocks/0/elements/0/elements/0/type",
    ),
    "an action id used twice": (
        [actions(button(), button())],
        "duplicate_action_id",
        "/blocks/0/elements/1/action_id",
    ),
    "an unknown field": ([section(colour="red")], "unknown_field", "/blocks/0"),
    "21 columns": ([table(columns=21)], "too_many_items", "/blocks/0/rows/0"),
    "an empty cell": ([table(text="")], "empty_cell", "/blocks/0/rows/0/0/text"),
    "a rich cell with nothing in it": (
        [{"type": "table", "rows": [[rich()]]}],
        "empty_cell",
        "/blocks/0/rows/0/0",
    ),
    "a table over 10,000 characters": ([table(100, 10, "x" * 11)], "table_too_long", "/blocks/0/rows"),
    "21 column settings": ([table(column_settings=[{}] * 21)], "too_many_items", "/blocks/0/column_settings"),
    "a plan beside a task card": (
        [
            {"type": "plan", "title": "t", "tasks": []},
            {"type": "task_card", "task_id": "1", "title": "t", "status": "complete"},
        ],
        "invalid_value",
        "/blocks/1",
    ),
    "a pending task card alone": (
        [{"type": "task_card", "task_id": "1", "title": "t", "status": "pending"}],
        "invalid_value",
        "/blocks/0/status",
    ),
    "a task that is done, not complete": (
        [
            {
                "type": "plan",
                "title": "t",
                "tasks": [{"type": "task_card", "task_id": "1", "title": "t", "status": "done"}],
            }
        ],
        "invalid_value",
        "/blocks/0/tasks/0/status",
    ),
    "a mention in preformatted text": (
        [
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]}
                ],
            }
        ],
        "unknown_type",
        "/blocks/0/elements/0/elements/0/type",
    ),
    "a style that rich text has not": (
        [rich({"type": "text", "text": "x", "style": {"blink": True}})],
        "unknown_field",
        "/blocks/0/elements/0/elements/0/style",
    ),
    "an empty rich text": (
        [rich({"type": "text", "text": ""})],
        "too_short",
        "/blocks/0/elements/0/elements/0/text",
    ),
    "11 fields": ([{"type": "section", "fields": [plain("x")] * 11}], "too_many_items", "/blocks/0/fields"),
    "a field over 2000": (
        [{"type": "section", "fields": [plain("x" * 2001)]}],
        "too_long",
        "/blocks/0/fields/0/text",
    ),
    "11 things in a context": (
        [{"type": "context", "elements": [plain("x")] * 11}],
        "too_many_items",
        "/blocks/0/elements",
    ),
    "a header over 150": ([{"type": "header", "text": plain("x" * 151)}], "too_long", "/blocks/0/text/text"),
    "a block id over 255": ([section(block_id="x" * 256)], "too_long", "/blocks/0/block_id"),
    "a button text over 75": (
        [actions({"type": "button", "text": plain("x" * 76), "action_id": "a"})],
        "too_long",
        "/blocks/0/elements/0/text/text",
    ),
    "six choices in an overflow menu": (
        [section(accessory={"type": "overflow", "action_id": "m", "options": [OPTION] * 6})],
        "too_many_items",
        "/blocks/0/accessory/options",
    ),
    "101 choices": (
        [actions(select(options=[OPTION] * 101))],
        "too_many_items",
        "/blocks/0/elements/0/options",
    ),
    "a section in actions": ([actions(section())], "unknown_type", "/blocks/0/elements/0/type"),
    "null for a text": ([{"type": "section", "text": None}], "wrong_type", "/blocks/0/text"),
    "a number for a text": (
        [{"type": "header", "text": {"type": "plain_text", "text": 5}}],
        "wrong_type",
        "/blocks/0/text/text",
    ),
    "blocks that are no list": ({"type": "divider"}, "wrong_type", "/blocks"),
    "markdown over 12,000 in all": (
        [{"type": "markdown", "text": "x" * 6001}] * 2,
        "too_long",
        "/blocks",
    ),
    "more than 13,200 characters in all": ([section("x" * 2700)] * 5, "msg_blocks_too_long", "/blocks"),
    "an image from nowhere": ([{"type": "image", "alt_text": "x"}], "missing_field", "/blocks/0"),
}


@pytest.mark.parametrize("name", BAD)
def test_is_refused_with_code_and_pointer(name):
    blocks, code, pointer = BAD[name]
    assert (code, pointer) in [(problem.code, problem.pointer) for problem in block_problems(blocks)]


def test_only_the_bad_part_is_named():
    assert [problem.as_json() for problem in block_problems([section(), section("x" * 3001)])] == [
        {
            "pointer": "/blocks/1/text/text",
            "code": "too_long",
            "message": "must be less than 3001 characters",
            "constraint": {"type": "max_length", "max": 3000, "got": 3001},
        }
    ]


def test_an_unknown_field_is_named_in_the_error():
    (problem,) = block_problems([section(colour="red")])
    assert problem.as_json()["field"] == "colour"
    assert problem.as_line() == "invalid additional property: colour [json-pointer:/blocks/0]"


GOOD = {
    "every limit reached": [
        section("x" * 3000, block_id="b" * 255),
        actions(*(button(action_id=f"a{n}", value="v" * 2000) for n in range(25))),
        {"type": "context", "elements": [mrkdwn("x")] * 10},
        {"type": "header", "text": plain("x" * 150)},
    ],
    "50 blocks": [{"type": "divider"}] * 50,
    "a table of 100 by 20": [table(100, 20)],
    "no blocks": [],
    "a space for an empty cell": [table(text=" ")],
    "the same action id in two blocks": [actions(button()), actions(button())],
    "raw html and mentions in rich text": [rich({"type": "text", "text": "<!channel> & <b>"})],
    "a list in rich text": [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
                }
            ],
        }
    ],
    "columns of which some keep the default": [table(columns=2, column_settings=[None, {"align": "right"}])],
    "a rich cell": [{"type": "table", "rows": [[rich({"type": "text", "text": "x"})]]}],
    "a number cell": [{"type": "table", "rows": [[{"type": "raw_number", "value": 1.5}]]}],
    "an input in a message": [
        {"type": "input", "label": plain("L"), "element": {"type": "plain_text_input", "action_id": "i"}}
    ],
    "13,200 characters in all": [section("x" * 2640)] * 5,
}


@pytest.mark.parametrize("name", GOOD)
def test_is_taken(name):
    assert block_problems(GOOD[name]) == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("a section over 3000", "invalid_blocks"),
        ("two tables", "invalid_attachments"),
        ("more than 13,200 characters in all", "msg_blocks_too_long"),
    ],
)
def test_the_refusal_has_slacks_name(name, error):
    assert error_of(block_problems(BAD[name][0])) == error


def modal(**more):
    return {"type": "modal", "title": plain("Deny"), "blocks": [section()], **more}


INPUT = {"type": "input", "label": plain("Why?"), "element": {"type": "plain_text_input", "action_id": "why"}}

BAD_VIEWS = {
    "a title over 24": (modal(title=plain("x" * 25)), "too_long", "/view/title/text"),
    "a title of mrkdwn": (modal(title=mrkdwn("x")), "unknown_type", "/view/title/type"),
    "no title": ({"type": "modal", "blocks": []}, "missing_field", "/view"),
    "an input and no submit": (modal(blocks=[INPUT]), "missing_field", "/view"),
    "private metadata over 3000": (modal(private_metadata="x" * 3001), "too_long", "/view/private_metadata"),
    "101 blocks": (modal(blocks=[{"type": "divider"}] * 101), "too_many_items", "/view/blocks"),
    "a table in a modal": (modal(blocks=[table()]), "not_on_surface", "/view/blocks/0/type"),
    "a table on a home tab": ({"type": "home", "blocks": [table()]}, "not_on_surface", "/view/blocks/0/type"),
    "over 250 kB": (modal(blocks=[section("ü" * 2990)] * 45), "view_too_large", "/view"),
    "a callback id over 255": (modal(callback_id="x" * 256), "too_long", "/view/callback_id"),
    "a view of no kind": ({"type": "window"}, "unknown_type", "/view/type"),
    "no view at all": (None, "unknown_type", "/view/type"),
}


@pytest.mark.parametrize("name", BAD_VIEWS)
def test_a_view_is_refused_with_code_and_pointer(name):
    view, code, pointer = BAD_VIEWS[name]
    assert (code, pointer) in [(problem.code, problem.pointer) for problem in view_problems(view)]


def test_a_modal_with_an_input_and_a_submit_is_taken():
    assert view_problems(modal(blocks=[INPUT], submit=plain("Deny"), close=plain("Back"))) == []


def test_a_modal_takes_twice_the_blocks_of_a_message():
    assert view_problems(modal(blocks=[{"type": "divider"}] * 100)) == []


def test_looking_changes_nothing():
    blocks = [section(accessory=button()), table(3, 3)]
    before = copy.deepcopy(blocks)
    block_problems(blocks)
    assert blocks == before
