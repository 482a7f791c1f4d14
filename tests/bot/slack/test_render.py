"""What a job shows, case by case against golden files, and inside Slack's limits whatever it printed."""

import json
import os
from pathlib import Path

import pytest

from bot.jobs.wire import Cells, Page, Progress, Result, ShowOrder, Tail
from bot.own.job_lines import job_line
from bot.reply import Found, Help, JobRow, JobRows, Refusal, Told
from bot.slack import doubt, render, replies, running, shown
from bot.slack.blocks import MESSAGE_CHARS, TEXT_CHARS, size
from bot.slack.parent import Revision, State
from bot.standin.limits import block_problems
from bot.store.displays import Display, Doubt
from handlers.faults import Reason
from permissions.ticket import CommandWire, TicketRefusal

from .conftest import record, result

GOLDEN = Path(__file__).parents[2] / "golden" / "slack"
BEGAN = 1_790_000_001.0

PS = Cells(
    header=("CONTAINER ID", "IMAGE", "STATUS", "PORTS", "NAMES"),
    rows=(
        ("4f1c2d9ab310", "nginx:1.27", "Up 3 hours", "0.0.0.0:80->80/tcp", "web"),
        ("c01d33fe8a10", "redis:7.4", "Up 9 days", "", "redis"),
    ),
    total=2,
)
LS = record(shown="docker container ls", command="container ls")
LOGS = record(shown="docker container logs web", command="container logs")
LOG = "".join(f"2026-11-23T23:31:{n % 60:02}Z GET /healthz 200 {n}ms\n" for n in range(2310))
RM_USAGE = "Usage:  docker container rm [OPTIONS] CONTAINER [CONTAINER...]"


def long_log() -> Result:
    end = LOG[-20_000:]
    stdout = Tail(text=end, total_bytes=len(LOG), total_lines=2310)
    return result(stdout="").model_copy(update={"stdout": stdout, "head": LOG[:4096]})


def failed(
    exit_code: int, stderr: str, reason: Reason | str = "", hint: str = "", stdout: str = ""
) -> Result:
    return result(stdout, stderr, exit_code=exit_code, reason=reason, hint=hint)


def table(rows=PS.rows, total=2) -> Result:
    return result("as the CLI prints it\n", table=PS.model_copy(update={"rows": rows, "total": total}))


def live(request=LOGS, *, paused=False, **news):
    progress = Progress(job_id="J-1", began_at=BEGAN, at=BEGAN + 83, **news)
    return running.live(request, progress, Display(job_id="J-1", paused=paused), 5)


SHOW = record(
    "J-57", command="docktalk show", page=ShowOrder(job_id="J-1", pattern="ERR.R", lines=20), instead="J-50"
)


def page(text, first=41, last=42, matched=2, **order):
    found = Page(
        stream="stdout",
        first=first,
        last=last,
        total_lines=2310,
        total_bytes=99_000,
        matched=matched,
        older=bool(first),
        newer=bool(first),
        other_bytes=5,
    )
    outcome = result(text).model_copy(update={"page": found})
    return shown.page(SHOW, ShowOrder(job_id="J-1", lines=20, **order), outcome, 7)


DOUBT = Doubt(
    nonce="n",
    since=BEGAN,
    command=CommandWire(path="container restart", fields={"containers": ["web"]}),
    line_id="opaque",
    reason=Reason.OUTCOME_UNKNOWN,
    text="The worker stopped while it ran this.\nweb: unknown, container 4f1c2d9ab310 runs <!channel>",
    seen_at=BEGAN + 9,
)


NO_SUCH = "Error response from daemon: No such container: web\n"


JOBS = {
    "waiting": lambda: [render.waiting(record())],
    "waiting_behind": lambda: [render.behind(record(), "J-41", record("J-41"), Revision.BEHIND)],
    "running": lambda: [running.running(record(notes=("curly quotes made straight",)), BEGAN)],
    "done_short": lambda: ending(record(), result("web\n")),
    "done_empty": lambda: ending(record(), result("")),
    "done_lines": lambda: ending(record(), result("web\napi\n")),
    "done_table": lambda: ending(LS, table()),
    "done_table_without_rows": lambda: ending(LS, table((), 0)),
    "done_table_cut": lambda: ending(LS, table(PS.rows * 70, 143)),
    "done_log_cut": lambda: ending(LOGS, long_log()),
    "done_log_cut_and_not_kept": lambda: ending(LOGS, long_log().model_copy(update={"kept": False})),
    "done_head_cut": lambda: ending(
        record(command="image history", shown="docker image history web"), long_log()
    ),
    "failed_short": lambda: ending(record(), failed(1, NO_SUCH, Reason.NOT_FOUND)),
    "failed_with_both": lambda: ending(
        record(), failed(1, NO_SUCH, Reason.NOT_FOUND, "`/docker ps -a` lists all.", stdout="api\n")
    ),
    "timed_out": lambda: ending(LOGS, failed(124, "Stopped after 10 minutes.\n", Reason.TIMED_OUT)),
    "cancelled": lambda: ending(LOGS, failed(130, "The worker was stopped.\n", Reason.CANCELLED)),
    "stopped_by_somebody": lambda: ending(
        LOGS, failed(130, "The job was cancelled.\n", Reason.CANCELLED, stdout="a\nb\n"), "U02BOB"
    ),
    "taken_back": lambda: ending(
        record(),
        failed(130, "This was cancelled before it started. Nothing was run.\n", Reason.CANCELLED).model_copy(
            update={"ended_at": BEGAN}
        ),
        "U02BOB",
    ),
    "not_run_since_it_moved": lambda: ending(
        record(),
        failed(
            1,
            "What was approved is not what is there now. Nothing was run.\n"
            "container web is another one: 4f1c2d9ab310, was c01d33fe8a10\n",
            Reason.MOVED,
            "Ask again: the new state is shown to those who approve.",
        ),
    ),
    "limit": lambda: ending(
        LOGS,
        failed(124, "The stream was followed for 300 s, the limit here.\n", Reason.LIMIT, stdout="a\nb\n"),
    ),
    "live": lambda: [live(tail="GET / 200\nGET /login <!channel> 302\n", total_lines=2310, skipped=1200)],
    "live_narrowed_and_paused": lambda: [
        live(tail="ERROR: down\n", total_lines=9, pattern="ERR.R", matched=1, paused=True)
    ],
    "live_pull": lambda: [
        live(
            tail="ab12: Pulling fs layer\n",
            total_lines=5,
            layers=5,
            layers_done=3,
            bytes=30_100_000,
            bytes_done=12_400_000,
            per_second=2_100_000.0,
        )
    ],
    "live_change": lambda: [live(record(), note="The pattern took too long on these lines.")],
    "page": lambda: [page("41:ERROR: down\n42-ok\n", pattern="ERR.R", before=1, after=1)],
    "page_without_a_match": lambda: [page("", first=0, last=0, matched=0, pattern="nothing")],
    "page_that_failed": lambda: [
        shown.page(SHOW, SHOW.page, failed(1, "The worker does not have this output any more.\n"), 7)
    ],
    "outcome_unknown": lambda: ending(
        record(),
        failed(
            1,
            "The worker went away.\n",
            Reason.OUTCOME_UNKNOWN,
            "Look at the container before you try again.",
        ),
    ),
    "outcome_unknown_offers": lambda: [
        render.ended(
            record(), failed(1, f"{DOUBT.text}\n", Reason.OUTCOME_UNKNOWN, "Look first."), unsure=DOUBT
        ).parent
    ],
    "outcome_looked_at_again": lambda: [
        doubt.looked(
            record(),
            DOUBT.model_copy(update={"looking": True, "asked_by": "U02BOB", "asked_at": BEGAN + 60}),
            Revision.ENDED + 1,
        )
    ],
    "outcome_found_done": lambda: [
        doubt.looked(record(), DOUBT.model_copy(update={"reason": ""}), Revision.ENDED + 2)
    ],
    "outcome_run_again": lambda: [
        doubt.looked(record(), DOUBT.model_copy(update={"again": "J-9", "line_id": ""}), Revision.ENDED + 3)
    ],
    "refused_too_late": lambda: [render.refused(record(), TicketRefusal.TOO_LATE)],
    "refused_unsigned": lambda: [render.refused(record(), TicketRefusal.UNSIGNED)],
    "not_attached": lambda: [render.not_attached("J-1", "413")],
    "moved": lambda: [render.moved(render.ended(record(), result("web\n")).parent, "C01OPS")],
}

REPLIES = {
    "error_did_you_mean": lambda: replies.refusal(
        Refusal(
            reason=Reason.UNKNOWN_OPTION,
            message="unknown flag: --forse",
            line="container rm --forse web",
            span=(13, 20),
            suggestion="container rm --force web",
            correction_id="opaque",
            usage=RM_USAGE,
            exit_code=125,
        )
    ),
    "error_unknown_command": lambda: replies.refusal(
        Refusal(
            reason=Reason.UNKNOWN_COMMAND,
            message="docker: unknown command: docker conainer",
            line="conainer ls -a",
            span=(0, 8),
            suggestion="container ls -a",
            correction_id="opaque",
            exit_code=1,
        )
    ),
    "error_without_a_span": lambda: replies.refusal(
        Refusal(
            reason=Reason.WRONG_ARGUMENTS,
            message="docker: 'docker container rm' requires at least 1 argument",
            usage=RM_USAGE,
        )
    ),
    "denied": lambda: replies.refusal(
        Refusal(
            reason=Reason.DENIED,
            message="viewers may not remove containers",
            hint="Ask #platform, or somebody with the role operator.",
            rule="role viewer, rule 1",
        )
    ),
    "store_down": lambda: replies.refusal(
        Refusal(
            reason=Reason.STORE_DOWN,
            message="The job store does not answer. Nothing was run.",
            hint="Try again.",
        )
    ),
    "already_asked": lambda: replies.refusal(
        Refusal(
            reason=Reason.ALREADY_ASKED,
            message="J-41 does the same, and is not over yet. Nothing was queued.",
            suggestion="container restart web",
            correction_id="opaque",
            ahead="J-41",
        )
    ),
    "found": lambda: replies.found(
        Found(text="J-41: ana asked for <!channel>.\n", link="https://example.slack.com/archives/C1/p1")
    ),
    "help": lambda: replies.help_text(
        Help(text="Usage:  docker [OPTIONS] COMMAND\n\nCommands:\n  ps   List\n")
    ),
    "told": lambda: replies.told(Told(text="J-1 is being stopped.\n")),
    "job_rows": lambda: replies.job_rows(
        JobRows(
            text="",
            rows=tuple(
                JobRow(
                    job_id=f"J-{number}",
                    state=state,
                    user_id="U01ALICE",
                    user_name="alice",
                    shown="docker container logs -f web",
                    host="prod-1",
                    since=BEGAN,
                    may_cancel=number in {1, 4},
                )
                for number, state in ((1, "running"), (2, "waiting"), (3, "held"), (4, "to be approved"))
            ),
            more=3,
        ),
        BEGAN,
    ),
    "no_job_rows": lambda: replies.job_rows(JobRows(text=""), BEGAN),
    "broken": replies.broken,
    "gone": replies.gone,
    "started": lambda: replies.started("J-7", "U01ALICE", confirmed=False),
    "wanted": lambda: replies.wanted("J-7", "U01ALICE"),
    "confirmed": lambda: replies.started("J-7", "U01ALICE", confirmed=True),
}

CASES = JOBS | {name: lambda make=make: [make()] for name, make in REPLIES.items()}


def ending(request, outcome, stopped_by=""):
    ended = render.ended(request, outcome, stopped_by)
    return [ended.parent, *ended.replies]


def check(message):
    assert block_problems(list(message.blocks)) == []
    assert len(message.text) <= 2 * TEXT_CHARS
    assert message.text
    assert total(message.blocks) <= MESSAGE_CHARS
    assert '"mrkdwn"' not in json.dumps(message.blocks)
    return message


def total(blocks) -> int:
    """All characters that stand under a ``text``, as Slack counts them."""
    if isinstance(blocks, dict):
        own = blocks.get("text")
        return (size(own) if isinstance(own, str) else 0) + sum(map(total, blocks.values()))
    return sum(map(total, blocks)) if isinstance(blocks, list | tuple) else 0


@pytest.mark.parametrize("name", CASES)
def test_looks_as_recorded(name):
    shown = [check(message).model_dump(mode="json") for message in CASES[name]()]
    text = json.dumps(shown, indent=1, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("DOCKTALK_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


def test_every_golden_file_has_its_case():
    stems = {path.stem for path in GOLDEN.glob("*.json") if not path.stem.startswith("approval_")}
    assert stems == set(CASES)


def test_every_state_has_a_word_and_a_picture_of_its_own():
    assert len({state.word for state in State}) == len(State)
    assert len({state.emoji for state in State}) == len(State)


REASONS = {
    ("", 0): "Done",
    ("", 1): "Failed",
    (Reason.NOT_FOUND, 1): "Failed",
    (Reason.TIMED_OUT, 124): "Timed out",
    (Reason.CANCELLED, 130): "Stopped",
    (Reason.LIMIT, 124): "Ended at its limit",
    (Reason.OUTCOME_UNKNOWN, 1): "Outcome unknown",
    (Reason.DENIED, 1): "Refused",
    (Reason.MOVED, 1): "Not run",
}


@pytest.mark.parametrize(("outcome", "word"), REASONS.items())
def test_the_state_is_said_in_words(outcome, word):
    reason, exit_code = outcome
    parent = render.ended(record(), failed(exit_code, "", reason)).parent
    assert parent.text.startswith(f"{word}: docker ")
    assert f" {word}" in json.dumps(parent.blocks)


def test_every_button_of_a_page_says_a_line_that_asks_for_it():
    order = ShowOrder(job_id="J-1", pattern="it's -- 50% [x]", before=2, after=1, lines=20, stream="stderr")
    message = page("x\n", **order.model_dump(exclude={"job_id", "lines"}))
    said = {
        e["action_id"]: e["value"] for b in message.blocks if b["type"] == "actions" for e in b["elements"]
    }
    asked = {name: job_line(line).order() for name, line in said.items()}
    assert asked == {
        "page.older": order.model_copy(update={"below": 41}),
        "page.newer": order.model_copy(update={"above": 42}),
        "page.stdout": order.model_copy(update={"stream": "stdout"}),
        "page.file": order.model_copy(update={"whole": True}),
    }
    assert {job_line(line).instead for line in said.values()} == {"J-50"}


CARETS = {
    "in the middle": ("rm --forse web", (3, 10), "/docker rm --forse web", "           ^^^^^^^"),
    "at the end": ("rm --forse", (3, 10), "/docker rm --forse", "           ^^^^^^^"),
    "of no width": ("rm", (2, 2), "/docker rm", "          ^"),
    "outside the line": ("rm", (50, 60), "/docker rm", "          ^"),
    "behind wide characters": ("rm 日本 -x", (6, 8), "/docker rm 日本 -x", "                ^^"),
    "over a newline": ("rm\n--forse", (3, 10), "/docker rm --forse", "           ^^^^^^^"),
}


@pytest.mark.parametrize(("line", "span", "above", "below"), CARETS.values(), ids=CARETS)
def test_the_caret_stands_under_what_is_wrong(line, span, above, below):
    shown = check(replies.refusal(Refusal(reason=Reason.USAGE, message="no", line=line, span=span)))
    assert shown.blocks[1]["elements"][0]["elements"][0]["text"] == f"{above}\n{below}"


def test_a_long_help_loses_its_blanks_before_its_lines():
    options = "".join(
        f"      --option-{n:03}                       Explains option {n} in words\n" for n in range(150)
    )
    shown = json.dumps(check(replies.help_text(Help(text=options))).blocks)
    assert "--option-149" in shown
    assert "not shown" not in shown
    assert "more lines are not shown" in json.dumps(check(replies.help_text(Help(text=options * 3))).blocks)


@pytest.mark.parametrize("program", ["docker", "docktalk"])
def test_a_wrong_option_is_told_where_all_of_them_stand(program):
    usage = f"Usage:  {program} lock [OPTIONS] HOST"
    wrong = Refusal(reason=Reason.UNKNOWN_OPTION, message="unknown flag: --x", usage=usage)
    shown = json.dumps(replies.refusal(wrong, program).blocks)
    assert f"/{program} lock --help lists every option" in shown
