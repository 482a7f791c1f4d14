"""The chain on disk: modes, rotation, crashes between any two steps, retention."""

import contextlib
import os
import shutil
import stat

import pytest

from bot.audit import segments as audit_segments
from bot.audit.entries import event
from bot.audit.segments import AuditBusy, AuditDamaged, segments
from bot.audit.tools import Unusable, prune
from bot.jobs.wire import Began
from bot.keys import BotKeys
from permissions.audit import Resumed
from tests.bot.audit.chains import NOW, Installation, places, rechained

DAY = 86_400.0


class CrashError(Exception):
    """The machine stops here."""


@pytest.fixture
def made(tmp_path) -> Installation:
    return Installation(tmp_path)


def test_folder_and_files_are_the_owner_s_alone(made):
    made.write(2)
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.folder.iterdir()} == {0o600}


def test_a_folder_that_others_may_read_is_refused(made):
    made.folder.mkdir(mode=0o755)
    with pytest.raises(AuditDamaged, match="0700"):
        made.open()


def test_a_second_writer_is_kept_out(made):
    first = made.open()
    with pytest.raises(AuditBusy):
        made.open()
    first.close()
    made.open().close()


def test_a_day_begins_a_segment_and_a_size_too(made, monkeypatch):
    made.write(3)
    made.write(3, now=NOW + DAY)
    assert segments(made.folder) == [1, 2]
    monkeypatch.setattr(audit_segments, "SEGMENT_BYTES", 100)
    made.write(3, now=NOW + DAY)
    assert segments(made.folder) == [1, 2, 3]
    assert made.verify().outcome == "sound"


def test_entries_and_events_are_chained_once(made):
    began = event(Began(job_id="J-1", worker="w", at=1.0))
    first, again = made.entry(began), made.entry(began)
    chain = made.open()
    assert chain.append([first, first, again], NOW) == 1
    chain.close()
    chain = made.open()
    assert chain.append([first, again, made.entry()], NOW) == 1
    chain.close()
    chain = made.open(NOW + DAY)
    assert chain.append([first, again], NOW + DAY) == 0
    chain.close()


@pytest.mark.parametrize("line", [0, 3, 7])
def test_a_chain_that_was_changed_is_not_continued(made, line):
    made.write(10)
    lines = made.lines()
    made.replace(rechained([*lines[:line], *lines[line + 1 :]], line))
    with pytest.raises(AuditDamaged, match=r"segment-000001\.jsonl"):
        made.open()


def test_an_unfinished_end_is_cut_off(made):
    made.write(3)
    whole = made.lines()
    made.replace([*whole, b'{"hash":"ab'])
    made.replace_checkpoints([*made.checkpoints(), b'{"text'])
    made.open().close()
    assert made.lines() == whole
    made.write(1)
    assert made.verify().outcome == "sound"


class Machine:
    """Counts the calls that reach the disk, and stops at one of them: before it, halfway or after it."""

    CALLS = ("open", "write", "fsync", "truncate", "ftruncate")

    def __init__(self, monkeypatch, stop: int, when: str, error: type[Exception] = CrashError) -> None:
        self.count, self.stop, self.when, self.error = 0, stop, when, error
        self.stopped = False
        for name in self.CALLS:
            monkeypatch.setattr(audit_segments.os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name, call):
        def wrapped(*args):
            self.count += 1
            if self.count != self.stop:
                return call(*args)
            self.stopped = True
            if self.when == "half" and name == "write":
                call(args[0], bytes(args[1])[: len(args[1]) // 2])
            elif self.when == "after":
                call(*args)
            raise self.error(28, "no space")

        return wrapped


@pytest.mark.parametrize("when", ["before", "half", "after"])
def test_a_crash_at_any_step_loses_and_repeats_nothing(made, monkeypatch, when):
    """Batches in an intake that is trimmed last; two days, so that segments change too."""
    batches = [(made.entries(4, at=NOW + n * DAY / 2), NOW + n * DAY / 2) for n in range(4)]
    expected = [entry.number for batch, _ in batches for _, entry in batch]
    shutil.rmtree(made.folder, ignore_errors=True)
    stops = 0
    while True:
        stops += 1
        with monkeypatch.context() as patch:
            machine = Machine(patch, stops, when)
            intake, opened = list(batches), []
            with contextlib.suppress(CrashError):
                work(made, intake, opened)
            for chain in opened:  # as the end of a process does
                for handle in chain._handles:
                    os.close(handle)
                chain._handles.clear()
        work(made, intake, [])
        assert [entry.number for entry in made.chained()] == expected
        assert made.verify().outcome == "sound"
        shutil.rmtree(made.folder)
        if not machine.stopped:
            break
    assert stops > 20


def work(made, intake, opened):
    real = audit_segments.ChainFile._lock

    def lock(chain):
        opened.append(chain)
        real(chain)

    audit_segments.ChainFile._lock = lock
    try:
        chain = made.open(intake[0][1] if intake else NOW + 2 * DAY)
    finally:
        audit_segments.ChainFile._lock = real
    while intake:
        batch, now = intake[0]
        chain.append(batch, now)
        chain.sign_checkpoint(now)
        del intake[0]  # the trim
    chain.close()


def test_a_full_disk_leaves_no_record_half_written(made, monkeypatch):
    made.write(3)
    before = made.lines()
    batch = made.entries(3)
    for stop in (1, 2):  # the write, the sync
        chain = made.open()
        with monkeypatch.context() as patch:
            Machine(patch, stop, "half" if stop == 1 else "before", OSError)
            with pytest.raises(OSError, match="no space"):
                chain.append(batch, NOW)
        chain.close()
        assert made.lines() == before
    chain = made.open()
    assert chain.append(batch, NOW) == 3
    chain.close()
    assert made.verify().outcome == "sound"


@pytest.fixture
def old(made) -> Installation:
    """Five segments, a day each."""
    for day in range(5):
        made.write(3, 3, now=NOW + day * DAY)
    return made


def pruned(made: Installation, day: float):
    return prune(made.folder, made.keys, made.trust.signed, older_than=NOW + day * DAY, now=NOW + 9 * DAY)


def test_pruning_removes_whole_old_segments_and_the_rest_is_sound(old):
    anchor = pruned(old, 2.5)
    assert (anchor.segment, segments(old.folder)) == (3, [4, 5])
    report = old.verify()
    assert (report.outcome, report.first, report.last) == ("sound", anchor.seq + 1, 35)
    old.write(2, now=NOW + 5 * DAY)
    assert pruned(old, 4.5).segment == 5
    assert old.verify().outcome == "sound"
    assert segments(old.folder) == [6]


def test_pruning_keeps_what_is_new_and_always_the_last_segment(old):
    assert pruned(old, 0) is None
    assert segments(old.folder) == [1, 2, 3, 4, 5]
    pruned(old, 99)
    assert segments(old.folder) == [5]


def test_an_interrupted_prune_is_sound_and_done_by_the_next(old, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", lambda *_, **__: (_ for _ in ()).throw(OSError(5, "io")))
        with pytest.raises(Unusable):
            pruned(old, 2.5)
    assert segments(old.folder) == [1, 2, 3, 4, 5]
    assert old.verify().outcome == "sound"
    assert pruned(old, 2.5) is None
    assert segments(old.folder) == [4, 5]
    assert min(path.name for path in old.folder.glob("*checkpoints*")).startswith("segment-000004")
    assert old.verify().outcome == "sound"


def test_a_forged_anchor_is_found(old, tmp_path):
    stranger = BotKeys.load_or_create(tmp_path / "stranger")
    keys, old.keys = old.keys, stranger
    pruned(old, 2.5)
    old.keys = keys
    report = old.verify()
    assert places(report)[0] == ("anchor.json", 0)
    assert "signed by no key" in report.findings[0].sentence


def test_an_altered_audit_is_not_pruned(old):
    lines = old.lines(2)
    old.replace([*lines[:2], *lines[3:]], 2)
    with pytest.raises(Unusable, match=r"segment-000002\.jsonl:3"):
        pruned(old, 2.5)
    assert len(segments(old.folder)) == 5


def test_a_resumed_audit_says_so_and_can_go_on(made):
    made.write(3)
    chain = made.open()
    chain.note(Resumed(seq=99, hash="ab" * 32), NOW)
    chain.close()
    made.write(3)
    report = made.verify()
    assert report.outcome == "altered"
    assert [(one.file, one.line) for one in report.resumed] == [("segment-000001.jsonl", 5)]
    assert "99 records" in report.resumed[0].sentence


def test_reading_takes_bounded_memory_whatever_a_line_is_like(made):
    made.write(3)
    lines = made.lines()
    made.replace([*lines[:3], b"x" * 3_000_000 + b"\n", lines[3]])
    assert max(len(raw) for raw in audit_segments.read_lines(made.folder / "segment-000001.jsonl")) == 2**20
    assert ("segment-000001.jsonl", 4) in places(made.verify())
