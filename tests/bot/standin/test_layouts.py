"""Messages of the look this product has pass every limit."""

import pytest

from bot.standin.limits import block_problems, view_problems


def text(value, kind="mrkdwn"):
    return {"type": kind, "text": value}


def who(line):
    return {
        "type": "rich_text",
        "block_id": "job.1.cmd",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "user", "user_id": "U01ALICE"},
                    {"type": "text", "text": " ran "},
                    {"type": "text", "text": line, "style": {"code": True}},
                ],
            }
        ],
    }


def button(label, action_id, **more):
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": label, "emoji": True},
        "action_id": action_id,
        "value": "job_1",
        **more,
    }


CONFIRM = {
    "title": text("Cancel this job?", "plain_text"),
    "text": text("It is stopped now.", "plain_text"),
    "confirm": text("Cancel job", "plain_text"),
    "deny": text("Keep running", "plain_text"),
    "style": "danger",
}

MESSAGES = {
    "a running job": [
        who("docker pull web"),
        {
            "type": "section",
            "text": text(":hourglass_flowing_sand: *Running* on `prod-1`"),
            "accessory": {
                "type": "overflow",
                "action_id": "job_menu",
                "options": [{"text": text("Copy job id", "plain_text"), "value": "job_1|id"}],
            },
        },
        {
            "type": "context",
            "elements": [text("`job_1` · started <!date^1795476882^{time_secs}|23:34:42 UTC>")],
        },
        {
            "type": "actions",
            "elements": [
                button(
                    "Cancel",
                    "job_cancel",
                    style="danger",
                    confirm=CONFIRM,
                    accessibility_label="Cancel job 1",
                )
            ],
        },
    ],
    "a plan": [
        who("docker compose pull"),
        {
            "type": "plan",
            "block_id": "job.1.plan",
            "title": "docker compose pull · prod-1",
            "tasks": [
                {"type": "task_card", "task_id": "t1", "title": "Check", "status": "complete"},
                {"type": "task_card", "task_id": "t2", "title": "Pull", "status": "pending"},
            ],
        },
    ],
    "a log": [
        who("docker logs web"),
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_preformatted",
                    "border": 0,
                    "elements": [text("GET /\n<!channel> & <b>", "text")],
                }
            ],
        },
    ],
    "a table": [
        who("docker ps"),
        {
            "type": "table",
            "block_id": "job.1.tbl",
            "column_settings": [{"is_wrapped": False}, {"is_wrapped": True}],
            "rows": [[text("ID", "raw_text"), text("NAME", "raw_text")]],
        },
    ],
    "an approval": [
        {"type": "header", "text": text("Approval needed: remove container web", "plain_text")},
        {
            "type": "section",
            "fields": [text("*Where*\n`prod-1`"), text("*Needs*\n1 of 2 from <!subteam^S0OPS>")],
        },
        {
            "type": "actions",
            "elements": [button("Approve", "approve", style="primary"), button("Deny…", "deny")],
        },
    ],
    "a denial": [
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_quote", "elements": [text("drain it first", "text")]}],
        }
    ],
    "a did-you-mean": [
        {
            "type": "section",
            "text": text("Did you mean *`--force`*? Nothing was run."),
            "accessory": button("Run with --force", "err_fix", accessibility_label="Run rm --force web"),
        }
    ],
}

VIEWS = {
    "a home tab": {
        "type": "home",
        "callback_id": "home",
        "private_metadata": '{"rev":12}',
        "blocks": [
            {"type": "divider"},
            {
                "type": "section",
                "text": text("*Your last jobs*"),
                "accessory": {
                    "type": "static_select",
                    "action_id": "home_host",
                    "placeholder": text("Host", "plain_text"),
                    "options": [{"text": text("prod-1", "plain_text"), "value": "prod-1"}],
                },
            },
        ],
    },
    "a modal": {
        "type": "modal",
        "callback_id": "deny_reason",
        "title": text("Deny request", "plain_text"),
        "submit": text("Deny", "plain_text"),
        "close": text("Back", "plain_text"),
        "blocks": [
            {
                "type": "input",
                "block_id": "m.r",
                "optional": True,
                "label": text("Why not?", "plain_text"),
                "hint": text("Shown in the thread.", "plain_text"),
                "element": {
                    "type": "plain_text_input",
                    "action_id": "reason",
                    "multiline": True,
                    "max_length": 300,
                },
            }
        ],
    },
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_passes(name):
    assert block_problems(MESSAGES[name]) == []


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_passes(name):
    assert view_problems(VIEWS[name]) == []
