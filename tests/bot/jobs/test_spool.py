"""Outputs on the worker's disk: private, bounded, with what Redis needs of them."""

import os

import pytest

from bot.jobs.spool import STDERR_SHARE, Spool
from bot.jobs.wire import TAIL_BYTES


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool", quota=1000_000, max_age=100)


def keep(spool, job_id, out=b"", err=b""):
    output = spool.open(job_id)
    output.write("stdout", out)
    output.write("stderr", err)
    return output.close()


def read(spool, job_id, stream="stdout"):
    with spool.read(job_id, stream) as file:
        return file.read()


@pytest.mark.parametrize(
    ("data", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2), (b"a\r\n", 1)]
)
def test_bytes_and_lines_are_counted(data, lines, spool):
    stdout, stderr, head = keep(spool, "J-1", data)
    assert (stdout.text, stdout.total_bytes, stdout.total_lines) == (data.decode(), len(data), lines)
    assert (stderr.text, head, stdout.cut) == ("", "", False)


def test_outputs_are_private_and_read_back(spool, tmp_path):
    keep(spool, "J-1", b"out", b"err")
    assert (read(spool, "J-1"), read(spool, "J-1", "stderr")) == (b"out", b"err")
    folder = tmp_path / "spool" / "J-1"
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "spool", folder)] == [0o700, 0o700]
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("out", "err"),
    [(10, 10), (TAIL_BYTES, 10), (200_000, 100), (200_000, 200_000), (100, 200_000), (0, 200_000)],
)
def test_both_tails_together_stay_under_the_cap_and_use_it(out, err, spool):
    stdout, stderr, head = keep(spool, "J-1", b"o" * out, b"e" * err)
    assert (stdout.total_bytes, stderr.total_bytes) == (out, err)
    assert len(stdout.text) + len(stderr.text) == min(TAIL_BYTES, out + err)
    assert len(stderr.text) >= min(err, STDERR_SHARE)
    assert len(head) == (4096 if stdout.cut else 0)


@pytest.mark.parametrize("shift", range(4))
def test_a_tail_is_cut_between_characters(shift, spool):
    text = "x" * shift + "\N{BEER MUG}" * 50_000
    stdout, _, head = keep(spool, "J-1", text.encode())
    assert text.endswith(stdout.text)
    assert text.startswith(head)
    assert TAIL_BYTES - 4 < len(stdout.text.encode()) <= TAIL_BYTES


def test_bytes_that_are_no_text_stay_under_the_cap(spool):
    data = bytes(range(256)) * 900
    stdout, stderr, _ = keep(spool, "J-1", data, b"\xff" * 100_000)
    assert len(stdout.text.encode()) + len(stderr.text.encode()) <= TAIL_BYTES
    assert read(spool, "J-1") == data
    leading, _, _ = keep(spool, "J-2", b"\x80\x81a")
    assert leading.text == "\ufffd\ufffda"


def test_the_oldest_outputs_leave_when_the_quota_is_passed(spool, tmp_path):
    for number in range(1, 7):
        keep(spool, f"J-{number}", b"x" * 240_000)
    left = sorted(path.name for path in (tmp_path / "spool").iterdir())
    assert left == ["J-3", "J-4", "J-5", "J-6"]
    # And a restart knows what is there.
    again = Spool(tmp_path / "spool", quota=500_000, max_age=100)
    keep(again, "J-7", b"x" * 100_000)
    assert len(list((tmp_path / "spool").iterdir())) <= 3
    with pytest.raises(FileNotFoundError):
        again.read("J-1", "stdout")


def test_one_job_does_not_fill_the_quota(spool):
    output = spool.open("J-1")
    for _ in range(20):
        output.write("stdout", b"x" * 50_000)
    stdout, _, _ = output.close()
    assert stdout.total_bytes == 1_000_000
    assert not output.kept
    assert len(read(spool, "J-1")) <= 250_000


def test_outputs_expire(tmp_path):
    now = [1000.0]
    spool = Spool(tmp_path, quota=1000, max_age=100, clock=lambda: now[0])
    for job_id, made in (("J-1", 850), ("J-2", 950)):
        keep(spool, job_id, b"x")
        os.utime(tmp_path / job_id, (made, made))
    spool.expire()
    assert [path.name for path in tmp_path.iterdir()] == ["J-2"]
    now[0] = 2000.0
    spool.expire()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_loses_the_copy_and_not_the_tail(spool):
    output = spool.open("J-1")
    output.write("stdout", b"first\n")

    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    output._streams["stdout"].file.close()
    output._streams["stdout"].file = Full()
    output.write("stdout", b"second\n")
    assert not output.kept
    output.write("stdout", b"third\n")
    stdout, _, _ = output.close()
    assert stdout.text == "first\nsecond\nthird\n"


def test_a_disk_that_fills_is_noticed_at_once(spool):
    output = spool.open("J-1")
    output.write("stdout", b"first\n")
    file = output._streams["stdout"].file
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file.fileno())
    os.close(full)
    output.write("stdout", b"last\n")
    assert not output.kept
    stdout, _, _ = output.close()
    assert stdout.text == "first\nlast\n"


def test_what_was_written_is_there_before_the_end(spool):
    output = spool.open("J-1")
    output.write("stdout", b"a line\n")
    with spool.read("J-1", "stdout") as file:
        assert file.read() == b"a line\n"
    output.close()


def test_what_comes_after_the_end_is_dropped(spool):
    output = spool.open("J-1")
    output.write("stdout", b"a")
    output.close()
    output.write("stdout", b"late")
    assert read(spool, "J-1") == b"a"


def test_a_second_attempt_replaces_the_first(spool):
    keep(spool, "J-1", b"a long first attempt")
    keep(spool, "J-1", b"second")
    assert read(spool, "J-1") == b"second"


@pytest.mark.parametrize("job_id", ["", "../J-1", "J-1/../..", "J-", "J-1\n", "J-x"])
def test_what_is_no_job_id_reaches_no_file(job_id, spool):
    with pytest.raises(ValueError, match="not a job id"):
        spool.read(job_id, "stdout")
    with pytest.raises(ValueError, match="not a job id"):
        spool.open(job_id)
