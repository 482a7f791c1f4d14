"""Named points on a job's path at which a test has the process die, as a power cut would.

Without DOCKTALK_FAILPOINT nothing here does anything. ``DOCKTALK_FAILPOINT="locked"`` ends the process the
first time it comes by there.
"""

import os

POINTS = (
    "intake",
    "stored",
    "acknowledged",
    "claimed",
    "verified",
    "before lock",
    "parked",
    "locked",
    "nonce consumed",
    "before the engine",
    "after the engine",
    "before the end is told",
    "end told",
    "orphan seen",
    "orphan told",
    "event heard",
    "event shown",
    "event acknowledged",
    "event forgotten",
    "before post",
    "posted",
    "post noted",
)
"""Every point, in the order of the path."""

STATUS = 86
"""What the process exits with, so that a test tells it from another death."""

_ARMED = os.environ.get("DOCKTALK_FAILPOINT", "")


def failpoint(name: str) -> None:
    """Ends the process here if it is this point's turn: nothing is flushed, nobody is told."""
    if name == _ARMED:
        os._exit(STATUS)
