"""What the audit posts to its channel: checkpoints, which nobody there can take back."""

from bot.slack.blocks import code, context, message, section, words
from bot.store.outbox import Entry, Kind
from permissions.audit_chain import Checkpoint


def checkpoint_entry(checkpoint: Checkpoint, channel_id: str) -> Entry:
    """The message of one checkpoint; `docktalk audit verify --against` takes what it shows."""
    known = f"{checkpoint.seq}:{checkpoint.hash}"
    key = f"audit/checkpoint/{checkpoint.number}"
    made = message(
        key,
        f"Signed the audit up to record {checkpoint.seq}.",
        [
            section(words("The audit holds "), code(known)),
            context("`docktalk audit verify --against` with this finds an older state or an altered record"),
        ],
    )
    return Entry(key=key, kind=Kind.SHOW, channel_id=channel_id, user_id="", message=made)
