"""A revoked role counts no more, also where the disk takes no more: it is ended in the store all the same."""

import os
from pathlib import Path

import pytest

from bot.lending.revoked import Revoked
from handlers.faults import Denied
from tests.bot.lending.lending_side import Lenders

FULL = OSError(28, "No space left on device")


def no_more(*_: object) -> int:
    raise FULL


def test_what_could_not_be_written_counts_no_more_in_this_process(tmp_path: Path, monkeypatch):
    revoked = Revoked(tmp_path / "revoked", lambda: 0.0)
    monkeypatch.setattr(os, "write", no_more)
    with pytest.raises(OSError, match="No space"):
        revoked.add("G-1", 60.0)
    assert "G-1" in revoked


@pytest.mark.store
async def test_a_role_ends_though_the_disk_is_full(side: Lenders, monkeypatch):
    grant = await side.elevated()
    lending = side.lending
    with monkeypatch.context() as patch:
        patch.setattr(lending.revoked, "_write", no_more)
        assert await lending.revoke(grant, await side.who("U0LEAD"))
    with pytest.raises(Denied):
        await side.decide("stop web", "U0ANA")
