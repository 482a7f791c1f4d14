"""Results on disk while the store is away."""

from bot.jobs.unsent import Unsent, UnsentFolder


def item(number: int) -> Unsent:
    return Unsent(job_id=f"J-{number}", token="t", event="{}")


def test_results_come_back_in_order_also_after_a_restart(tmp_path):
    folder = UnsentFolder(tmp_path / "unsent")
    assert not folder
    for number in range(12):
        folder.add(item(number))
    assert folder
    again = UnsentFolder(tmp_path / "unsent")
    again.add(item(12))
    assert [kept.job_id for _, kept in again.oldest_first()] == [f"J-{number}" for number in range(13)]


def test_a_damaged_file_is_set_aside(tmp_path):
    folder = UnsentFolder(tmp_path)
    folder.add(item(1))
    folder.add(item(2))
    min(tmp_path.glob("*.json")).write_bytes(b"\xff{")
    assert [kept.job_id for _, kept in folder.oldest_first()] == ["J-2"]
    assert len(list(tmp_path.glob("*.damaged"))) == 1


def test_what_was_sent_is_gone_and_a_half_written_file_is_none(tmp_path):
    folder = UnsentFolder(tmp_path)
    folder.add(item(1))
    folder.add(item(2))
    (tmp_path / ".3").write_text('{"job_id"')
    first, _ = next(iter(folder.oldest_first()))
    folder.remove(first)
    assert [kept.job_id for _, kept in UnsentFolder(tmp_path).oldest_first()] == ["J-2"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.json")} == {0o600}
