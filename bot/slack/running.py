"""A job while it runs, as its parent message shows it: how long, how far, the end of what it printed."""

from bot.jobs.wire import Progress
from bot.slack import excerpt
from bot.slack.blocks import (
    Block,
    Message,
    actions,
    code,
    cut,
    line,
    moment,
    preformatted,
    press,
    prose,
    section,
    words,
)
from bot.slack.parent import Revision, State, count, lasting, parent_of, typed
from bot.slack.replies import JOB_STOP
from bot.store.displays import Display
from bot.store.records import RequestRecord
from permissions.ticket import Effect

TAIL_CHARS, TAIL_LINES = 2_500, 15
BAR = 10

PAUSE, ALL, NARROW = "job.pause", "job.all", "job.narrow"
"""The action ids. The value of each button is the line of ``/docktalk`` that a click says; NARROW asks for
the rest of it first."""


def running(record: RequestRecord, began_at: float) -> Message:
    """The parent before anything is known but that it runs. ``began_at`` is epoch seconds."""
    rest = [words(" · since "), moment(began_at)]
    return parent_of(record, State.RUNNING, Revision.RUNNING, rest, "", below=(actions(_stop(record)),))


def live(record: RequestRecord, progress: Progress, display: Display, revision: int) -> Message:
    """The parent with what the worker told last."""
    elapsed = lasting(progress.at - progress.began_at)
    rest = [words(" · since "), moment(progress.began_at)]
    said = f"{count(progress.total_lines, 'line')} in {elapsed}" if progress.total_lines else ""
    below: list[Block] = []
    if progress.layers:
        said = _transfer(progress)
        rest += [words("\n"), code(_bar(progress)), words(f" {said}")]
    elif said:
        rest.append(words(f" · {said}"))
    if progress.note:
        below.append(section(*prose(progress.note, 300)))
    tail = _tail(record, progress)
    # A transfer's lines say what its bar says better.
    if tail and (not progress.layers or progress.pattern):
        below.append(preformatted(tail))
    below.append(actions(_stop(record), *([] if progress.layers else _view(record, progress, display))))
    return parent_of(
        record,
        State.RUNNING,
        revision,
        rest,
        f", {said}" if said else "",
        below=tuple(below),
        notes=_notes(progress, display),
    )


def _notes(progress: Progress, display: Display) -> tuple[str, ...]:
    narrowed = ""
    if progress.pattern:
        found = count(progress.matched, "line")
        narrowed = f"only lines with {cut(line(progress.pattern), 60)}: {found}"
    skipped = f"skipped {count(progress.skipped, 'line')}" if progress.skipped and not progress.layers else ""
    return (narrowed, skipped, "the display is paused, the job runs on" if display.paused else "")


def _tail(record: RequestRecord, progress: Progress) -> str:
    text = progress.tail
    if record.command == "container stats":
        # Every refresh is a whole table; of the last one nothing but itself matters.
        text = text.rstrip("\n").rpartition("\n\n")[2]
        return excerpt.tail(text, 0, TAIL_CHARS).text
    return "\n".join(excerpt.tail(text, 0, TAIL_CHARS).text.split("\n")[-TAIL_LINES:])


def _stop(record: RequestRecord) -> Block:
    what = typed(record)
    sentence = f"{cut(what, 150)} on {record.host} is stopped now. What it has done by then stays done."
    return press(
        "Stop",
        action_id=JOB_STOP,
        value=f"cancel {record.job_id}",
        spoken=f"Stop {record.job_id}",
        danger=True,
        confirm=("Stop this job?", sentence) if record.effect is Effect.CHANGE else None,
    )


def _view(record: RequestRecord, progress: Progress, display: Display) -> tuple[Block, Block]:
    option, label = ("", "Resume display") if display.paused else (" --pause", "Pause display")
    return (
        press(
            label,
            action_id=PAUSE,
            value=f"display{option} {record.job_id}",
            spoken=f"{label} of {record.job_id}",
        ),
        press(
            "All lines" if progress.pattern else "Only lines with…",
            action_id=ALL if progress.pattern else NARROW,
            value=f"grep {record.job_id}",
            spoken=f"Choose which lines of {record.job_id} are shown",
        ),
    )


def _transfer(progress: Progress) -> str:
    parts = [f"{progress.layers_done} of {count(progress.layers, 'layer')}"]
    if progress.bytes:
        parts.append(f"{_size(progress.bytes_done)} of {_size(progress.bytes)}")
        left = progress.bytes - progress.bytes_done
        if progress.per_second >= 1 and left > 0:
            parts.append(f"{_size(progress.per_second)}/s")
            parts.append(f"about {lasting(max(1, round(left / progress.per_second)))} left")
    return " · ".join(parts)


def _bar(progress: Progress) -> str:
    done, whole = (
        (progress.bytes_done, progress.bytes) if progress.bytes else (progress.layers_done, progress.layers)
    )
    full = min(BAR, BAR * done // whole) if whole else 0
    return "█" * full + "░" * (BAR - full)


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
