"""What is said of an approval to whoever did something about it."""

from handlers.faults import ApprovalClosed
from permissions.approval import Approval, NotCounted, State

NOT_COUNTED = {
    NotCounted.OVER: "It is decided already.",
    NotCounted.EXPIRED: "Its time is over.",
    NotCounted.NOT_LOOKED_AT: "Its targets are still being looked at: try again in a moment.",
    NotCounted.OWN: "You asked for it: somebody else has to agree.",
    NotCounted.NOT_ENTITLED: "You are none of those who can decide this.",
    NotCounted.ALREADY: "You have said that already; it counts once.",
}

UNSEEN = "The worker did not say what it would do."


def gone() -> ApprovalClosed:
    """For one that is not there."""
    return ApprovalClosed(
        "There is no such approval, or it is too long ago. Nothing has changed.",
        hint="Send the line again to ask anew.",
    )


def outcome(approval: Approval) -> str:
    """How it stands after a vote."""
    match approval.state:
        case State.OPEN:
            return "others have to agree as well"
        case State.APPROVED:
            return "it is approved"
        case state:
            return f"it is {state}"
