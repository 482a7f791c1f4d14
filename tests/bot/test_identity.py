"""A bot has its name again after a restart; two at once never have the same."""

from bot.identity import own_name


def test_the_name_is_the_same_after_a_restart_and_another_beside_it(tmp_path):
    folder = tmp_path / "bot"
    with own_name(folder) as first, own_name(folder) as beside:
        assert first != beside
    with own_name(folder) as again:
        assert again == first


def test_a_damaged_name_is_replaced(tmp_path):
    (tmp_path / "name").write_bytes(b"\xff" * 30)
    with own_name(tmp_path) as first:
        assert len(first) == 16
    with own_name(tmp_path) as again:
        assert again == first
