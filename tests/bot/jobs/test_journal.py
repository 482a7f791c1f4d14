"""Nonces: used once, also after a restart, a full disk or a torn line."""

import errno
import os

import pytest

from bot.jobs import journal as module
from bot.jobs.journal import KEPT_SECONDS, Journal, JournalDamaged
from permissions.ticket import CLOCK_SKEW


@pytest.fixture
def path(tmp_path):
    return tmp_path / "nonces" / "journal"


def test_a_nonce_is_consumed_once_also_after_a_restart(path):
    journal = Journal(path, clock=lambda: 100)
    assert journal.consume("a", 200)
    assert not journal.consume("a", 200)
    journal.close()
    journal = Journal(path, clock=lambda: 100)
    assert not journal.consume("a", 200)
    assert journal.consume("b", 200)
    journal.close()


def test_a_nonce_is_kept_until_its_ticket_cannot_start_any_more(path):
    journal = Journal(path, clock=lambda: 100)
    journal.consume("early", 200)
    journal.consume("late", 300)
    journal.close()
    journal = Journal(path, clock=lambda: 200 + KEPT_SECONDS + CLOCK_SKEW + 1)
    assert journal.consume("early", 200)  # its time alone refuses it now
    assert not journal.consume("late", 300)
    journal.close()


def test_the_file_does_not_grow_with_expired_nonces(path, monkeypatch):
    monkeypatch.setattr(module, "PRUNE_LINES", 10)
    monkeypatch.setattr(module, "KEPT_SECONDS", 0)
    now = [100.0]
    journal = Journal(path, clock=lambda: now[0])
    for number in range(100):
        now[0] += 100
        assert journal.consume(f"n{number}", now[0])
    assert len(path.read_bytes().splitlines()) < 15
    assert not journal.consume("n99", now[0])
    journal.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_torn_by_a_crash_was_never_acted_upon(path):
    journal = Journal(path, clock=lambda: 100)
    journal.consume("a", 200)
    journal.close()
    with path.open("ab") as file:
        file.write(b'[200, "tor')
    journal = Journal(path, clock=lambda: 100)
    assert not journal.consume("a", 200)
    assert journal.consume("torn", 200)
    journal.close()
    journal = Journal(path, clock=lambda: 100)
    assert not journal.consume("torn", 200)
    journal.close()


@pytest.mark.parametrize("line", [b"nonsense\n", b"[1]\n", b'["x", "y"]\n', b"null\n"])
def test_a_damaged_journal_is_not_run_on(line, path):
    path.parent.mkdir()
    path.write_bytes(line + b'[200, "a"]\n')
    with pytest.raises(JournalDamaged):
        Journal(path)


@pytest.mark.parametrize("written", [0, 5])
def test_a_full_disk_refuses_the_nonce_and_spoils_no_line(written, path, monkeypatch):
    journal = Journal(path, clock=lambda: 100)
    journal.consume("a", 200)
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:written]))
    with pytest.raises(OSError, match="No space left") as info:
        journal.consume("b", 200)
    assert info.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert journal.consume("b", 200)
    journal.close()
    journal = Journal(path, clock=lambda: 100)
    assert not journal.consume("a", 200)
    assert not journal.consume("b", 200)
    journal.close()


def test_how_a_change_began_is_known_after_a_restart(path):
    journal = Journal(path, clock=lambda: 100)
    journal.consume("a", 200, {"container web": "3f2a"})
    journal.close()
    journal = Journal(path, clock=lambda: 150)
    begun = journal.begun("a")
    assert begun is not None
    assert (begun.since, begun.id_of("container", "web"), begun.id_of("container", "db")) == (100, "3f2a", "")
    assert journal.begun("b") is None
    journal.close()
