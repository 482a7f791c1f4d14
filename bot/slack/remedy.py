"""What to do about a call that Slack did not take: wait, send it plainer, send it elsewhere, give up."""

from dataclasses import dataclass

from bot.slack.client import SlackTrouble, Trouble
from bot.slack.render import moved, not_attached
from bot.store.outbox import Again, Entry, Kind, Outgoing

GIVE_UP_SECONDS = 86_400.0
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
TABLE_TRIES = 2
"""After so many breakdowns of Slack a table is sent as text: tables alone have broken it."""
NO_BLOCKS = 2
"""The plainness of an entry of which only the text is left."""


@dataclass(frozen=True, slots=True)
class Instead:
    """Another entry takes its place."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing more can be done."""


def remedy(out: Outgoing, trouble: SlackTrouble, now: float) -> Again | Instead | GiveUp:
    """What becomes of an entry after this failure at ``now`` (epoch seconds)."""
    if now - out.entry.made_at > GIVE_UP_SECONDS:
        return GiveUp()
    later = now + BACKOFF_SECONDS[min(out.tries, len(BACKOFF_SECONDS) - 1)]
    match trouble.trouble:
        case Trouble.BUSY:
            until = now + trouble.retry_after
            return Again(until, hold=until)
        case Trouble.LOCKED_OUT:
            return Again(now + BACKOFF_SECONDS[-1])
        case Trouble.UNREACHED:
            return Again(later)
        case Trouble.SHAKEN:
            worth = out.tries >= TABLE_TRIES and out.entry.plainness == 0
            return Again(later, ambiguous=True, changed=_plainer(out.entry) if worth else None)
        case _:
            return _file_refused(out, trouble, now) if out.entry.file else _refused(out, trouble.trouble, now)


def _file_refused(out: Outgoing, trouble: SlackTrouble, now: float) -> Again | Instead | GiveUp:
    entry = out.entry
    if out.ambiguous:
        # An earlier call most likely came through: a file is attached once.
        return GiveUp()
    if entry.kind is Kind.ATTACH and trouble.trouble is Trouble.UNWRITABLE and not entry.direct:
        return Again(now, changed=_to_the_asker(entry))
    told = {
        "key": f"{entry.key}+",
        "kind": Kind.SHOW,
        "message": not_attached(entry.job_id, trouble.error),
        "file": None,
    }
    return Instead(entry.model_copy(update=told))


def _refused(out: Outgoing, trouble: Trouble, now: float) -> Again | Instead | GiveUp:
    entry = out.entry
    if out.sent is not None and trouble is not Trouble.UNSHOWABLE:
        # The message was deleted or is too old to edit: its outcome still has to be seen.
        return Instead(entry.model_copy(update={"key": f"{entry.key}+"}))
    if trouble is not Trouble.UNWRITABLE and entry.plainness < NO_BLOCKS:
        return Again(now, changed=_plainer(entry))
    if not entry.direct and out.sent is None:
        return Again(now, changed=_to_the_asker(entry))
    return GiveUp()


def _plainer(entry: Entry) -> Entry:
    level = 1 if entry.message.has_table and entry.plainness == 0 else NO_BLOCKS
    return entry.model_copy(update={"plainness": level})


def _to_the_asker(entry: Entry) -> Entry:
    return entry.model_copy(
        update={
            "direct": True,
            "under": "",
            "thread_ts": "",
            "kind": Kind.SHOW if entry.kind is Kind.WHISPER else entry.kind,
            "message": moved(entry.message, entry.channel_id),
        }
    )
