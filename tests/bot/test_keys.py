# ruff: noqa: ARG001, ARG002 - the folders are made by the fixtures
"""Keys: made once, refused when others could read them, rotated; what they sign and seal."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest

from bot.jobs.command_wire import from_wire, to_wire
from bot.jobs.wire import CancelOrder
from bot.key_files import KeysRefused
from bot.keys import BotKeys, HostKeys
from bot.trust import TicketRefused, Trust
from handlers.grammar.command import Arg, Command, Opt
from handlers.grammar.output import Lines, Output
from permissions.operation import Operation, Principal, Standing
from permissions.ticket import Claims, CommandWire, Effect, SealedValue, canonical
from permissions.verbs import Danger, Verb


class Run(Command, path="keys run", verb=Verb.CREATE, danger=Danger.SAFE, example="keys run a"):
    """Run something."""

    image: Annotated[str, Arg("IMAGE")]
    env: Annotated[tuple[str, ...], Opt("-e", "--env", help="Secret", secret=True)] = ()
    name: Annotated[str | None, Opt("--name", help="Name")] = None

    def run(self, ctx: object) -> Output:
        return Lines()


class One:
    def by_path(self, path: str) -> type[Command]:
        return {"keys run": Run}[path]


@pytest.fixture
def keys(tmp_path: Path) -> BotKeys:
    keys = BotKeys.load_or_create(tmp_path / "bot")
    keys.publish(tmp_path / "trust")
    return keys


@pytest.fixture
def trust(tmp_path: Path, keys: BotKeys) -> Trust:
    return Trust(tmp_path / "trust")


@pytest.fixture
def claims() -> Claims:
    return Claims(
        job_id="J-1",
        nonce="n",
        host="local",
        effect=Effect.READ,
        command=CommandWire(path="keys run", fields={"image": "é"}),
        operation=Operation(command="keys run", verb=Verb.LIST, danger=Danger.SAFE, host="local"),
        principal=Principal(team_id="T", user_id="U", name="ada", standing=Standing.MEMBER, as_of=1),
        policy="0",
        rule="r",
        issued_at=1.5,
        not_after=2,
        deadline=3,
    )


def refused(trust: Trust, ticket: object) -> str:
    with pytest.raises(TicketRefused) as info:
        trust.verify(ticket)
    return info.value.refusal


def test_a_signed_ticket_gives_its_claims_back(keys, trust, claims):
    assert trust.verify(keys.sign(claims)) == claims


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"signature": ""}, "unsigned"),
        ({"key_id": "no such key"}, "unknown_key"),
        ({"signature": "AAAA"}, "altered"),
        ({"signature": "not base64!"}, "altered"),
        ({"signature": "é"}, "altered"),
        ({"claims": "{}"}, "altered"),
        ({"claims": "\ud800"}, "altered"),
    ],
)
def test_an_altered_ticket_is_refused_for_a_reason(change, refusal, keys, trust, claims):
    assert refused(trust, keys.sign(claims).model_copy(update=change)) == refusal


@pytest.mark.parametrize("text", ["{}", "[" * 100_000, '{"job_id": 1}', "null"])
def test_what_is_signed_but_no_claims_is_malformed(text, keys, trust, claims):
    signature = keys._signature(b"docktalk ticket\n", text.encode())
    ticket = keys.sign(claims).model_copy(update={"claims": text, "signature": signature})
    assert refused(trust, ticket) == "malformed"


def test_what_signs_one_kind_of_message_stands_under_no_other(keys, trust, claims):
    ticket = keys.sign(claims)
    cancel = keys.sign_cancel(CancelOrder(job_id="J-1", host="local", at=1))
    record = keys.sign_record(canonical(claims))
    for signature in (cancel.signature, record):
        assert refused(trust, ticket.model_copy(update={"signature": signature})) == "altered"
    for signature in (ticket.signature, record):
        with pytest.raises(TicketRefused):
            trust.verify_cancel(cancel.model_copy(update={"signature": signature}))
    assert trust.verify_cancel(cancel).job_id == "J-1"


def test_a_record_is_ours_only_byte_for_byte(keys, tmp_path):
    signature = keys.sign_record(b"record")
    assert keys.verify_record(b"record", signature)
    assert not keys.verify_record(b"record ", signature)
    assert not keys.verify_record(b"record", "")
    assert not keys.verify_record(b"record", signature + "A")
    assert not BotKeys.load_or_create(tmp_path / "another").verify_record(b"record", signature)


def test_after_a_rotation_the_newest_key_signs_and_the_older_still_verifies(keys, trust, claims, tmp_path):
    old = keys.sign(claims)
    record = keys.sign_record(b"record")
    newer = keys.rotate()
    newer.publish(tmp_path / "trust")
    new = newer.sign(claims)
    assert new.key_id != old.key_id
    assert trust.verify(old) == trust.verify(new) == claims
    assert newer.verify_record(b"record", record)
    (tmp_path / "trust" / f"bot-{old.key_id}.pub").unlink()
    assert refused(trust, old) == "unknown_key"
    assert trust.verify(new) == claims


def test_a_public_key_under_another_keys_id_or_writable_by_others_is_not_trusted(keys, claims, tmp_path):
    folder = tmp_path / "trust"
    real = folder / f"bot-{keys.key_id}.pub"
    (folder / "bot-0000000000000000.pub").write_bytes(real.read_bytes())
    ticket = keys.sign(claims)
    assert refused(Trust(folder), ticket.model_copy(update={"key_id": "0" * 16})) == "unknown_key"
    real.chmod(0o666)
    assert refused(Trust(folder), ticket) == "unknown_key"
    assert refused(Trust(tmp_path / "nowhere"), ticket) == "unknown_key"


def test_a_trust_folder_that_others_can_write_is_not_used(keys, trust, claims, tmp_path):
    ticket = keys.sign(claims)
    (tmp_path / "trust").chmod(0o777)
    assert refused(trust, ticket) == "unknown_key"
    with pytest.raises(KeysRefused, match="written by others"):
        keys.publish(tmp_path / "trust")
    (tmp_path / "trust").chmod(0o755)
    assert trust.verify(ticket) == claims


def test_keys_are_the_same_after_a_restart(keys, tmp_path):
    again = BotKeys.load_or_create(tmp_path / "bot")
    assert again.key_id == keys.key_id
    assert again.unlock(keys.lock(b"line")) == b"line"
    host = HostKeys.load_or_create(tmp_path / "host")
    assert host.public == HostKeys.load_or_create(tmp_path / "host").public
    assert keys.seal(host.public, "a").digest == again.seal(host.public, "a").digest


def test_key_files_are_for_their_owner_alone(keys, tmp_path):
    folder = tmp_path / "bot"
    assert folder.stat().st_mode & 0o777 == 0o700
    files = list(folder.iterdir())
    assert sorted(file.name for file in files) == ["digest.key", "lines.key", "signing-0001.key"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize("name", ["signing-0001.key", "digest.key", "lines.key", "."])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_keys_that_others_can_read_are_refused(name, mode, keys, tmp_path):
    (tmp_path / "bot" / name).chmod(mode | 0o100 if name == "." else mode)
    with pytest.raises(KeysRefused, match="mode 0"):
        BotKeys.load_or_create(tmp_path / "bot")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é"])
def test_a_file_that_is_no_key_is_refused(text, keys, tmp_path):
    (tmp_path / "bot" / "digest.key").write_text(text)
    with pytest.raises(KeysRefused, match="is not a key file"):
        BotKeys.load_or_create(tmp_path / "bot")


def test_a_key_behind_a_link_is_refused(tmp_path):
    folder = tmp_path / "host"
    folder.mkdir(mode=0o700)
    (tmp_path / "elsewhere").write_text("A" * 43 + "=")
    (folder / "host.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        HostKeys.load_or_create(folder)


def test_processes_that_start_first_together_agree(tmp_path):
    code = (
        "import sys, pathlib; from bot.keys import BotKeys; "
        "print(BotKeys.load_or_create(pathlib.Path(sys.argv[1])).key_id)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "shared")]
    root = Path(__file__).parents[2]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) for _ in range(4)]
    assert len({process.communicate()[0] for process in processes}) == 1
    assert all(process.returncode == 0 for process in processes)
    names = sorted(path.name for path in (tmp_path / "shared").iterdir())
    assert names == ["digest.key", "lines.key", "signing-0001.key"]


def test_a_sealed_value_opens_on_its_host_alone(keys, tmp_path):
    host = HostKeys.load_or_create(tmp_path / "host")
    value = ["TOKEN=é", {"a": [1, None]}]
    sealed = keys.seal(host.public, value)
    assert host.open(sealed) == value
    other = HostKeys.load_or_create(tmp_path / "other")
    for opener, blob in (
        (other, sealed.blob),
        (host, sealed.blob[:-8] + "AAAAAAA="),
        (host, "AAAA"),
        (host, "!"),
    ):
        with pytest.raises(ValueError, match=r"sealed|base64|padding"):
            opener.open(SealedValue(blob=blob, digest=sealed.digest))


def test_digests_compare_values_without_telling_them(keys, tmp_path):
    public = HostKeys.load_or_create(tmp_path / "host").public
    first, second = keys.seal(public, ["a"]), keys.seal(public, ["a"])
    assert first.digest == second.digest
    assert first.blob != second.blob
    assert first.digest != keys.seal(public, ["b"]).digest
    assert first.digest != BotKeys.load_or_create(tmp_path / "another").seal(public, ["a"]).digest


def test_a_locked_line_is_refused_when_altered(keys):
    locked = keys.lock(b"docker run -e A=b")
    assert b"A=b" not in locked.encode()
    for text in (locked[:-8] + "AAAAAAA=", "", "!"):
        with pytest.raises(ValueError, match=r"locked|base64|padding"):
            keys.unlock(text)


def test_hosts_are_published_and_found(keys, trust, tmp_path):
    host = HostKeys.load_or_create(tmp_path / "host")
    host.publish(tmp_path / "trust", "web-1")
    host.publish(tmp_path / "trust", "web-1")
    assert trust.host_key("web-1") == host.public
    with pytest.raises(KeysRefused, match="missing"):
        trust.host_key("web-2")
    with pytest.raises(KeysRefused, match="holds another key"):
        HostKeys.load_or_create(tmp_path / "other").publish(tmp_path / "trust", "web-1")


@pytest.mark.parametrize("name", ["", "../bot", "a/b", ".hidden", "a" * 64, "a\n"])
def test_what_is_no_host_name_reaches_no_file(name, trust):
    with pytest.raises(KeysRefused, match="no host name"):
        trust.host_key(name)


def test_a_command_travels_with_its_secrets_sealed_and_its_unset_fields_unset(keys, tmp_path):
    host = HostKeys.load_or_create(tmp_path / "host")
    command = Run(image="busybox", env=("A=swordfish",))
    wire = to_wire(command, lambda value: keys.seal(host.public, value))
    assert wire.fields == {"image": "busybox"}
    assert "swordfish" not in wire.model_dump_json()
    back = from_wire(CommandWire.model_validate_json(wire.model_dump_json()), One(), host.open)
    assert back == command
    assert back.model_fields_set == {"image", "env"}


@pytest.mark.parametrize(
    ("wire", "sentence"),
    [
        (CommandWire(path="keys fly", fields={}), "no such command"),
        (CommandWire(path="keys run", fields={}), "do not make"),
        (CommandWire(path="keys run", fields={"image": "a", "more": 1}), "do not make"),
        (
            CommandWire(
                path="keys run", fields={"image": "a"}, sealed={"image": SealedValue(blob="", digest="")}
            ),
            "twice",
        ),
    ],
)
def test_a_wire_message_that_is_no_command_is_refused_without_its_values(wire, sentence):
    with pytest.raises(ValueError, match=sentence) as info:
        from_wire(wire, One(), lambda sealed: sealed)
    assert info.value.__cause__ is None
