"""Every knob, read from the environment (``DOCKTALK_…``) once at start; secrets never print."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SlackMode(StrEnum):
    """How Slack reaches us."""

    SOCKET = "socket"
    HTTP = "http"


class StoreSettings(BaseSettings):
    """What every process needs: where Redis is, and where our own files lie.

    ``data_dir`` holds keys (0600), the nonce journal and the spool of a worker, the embedded store.
    ``trust_dir`` holds public keys: ``bot-KEYID.pub`` for workers, ``host-NAME.pub`` for the bot; it
    defaults to ``data_dir/trust``. ``namespace`` is the hash-tagged prefix of every key in Redis.
    """

    model_config = SettingsConfigDict(env_prefix="DOCKTALK_", frozen=True, extra="ignore")

    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    data_dir: Path = Path("~/.local/share/docktalk").expanduser()
    trust_dir: Path = Path()
    namespace: str = "docktalk"
    log_level: str = "info"

    @model_validator(mode="before")
    @classmethod
    def _trust_lies_beside_data(cls, values: dict[str, object]) -> dict[str, object]:
        if not values.get("trust_dir"):
            data = values.get("data_dir", cls.model_fields["data_dir"].default)
            values["trust_dir"] = Path(str(data)) / "trust"
        return values

    @property
    def audit_dir(self) -> Path:
        """Where the chain of the audit lies."""
        return self.data_dir / "audit"


class BotSettings(StoreSettings):
    """The bot's knobs.

    ``hosts_file`` is YAML: hosts with name, labels and optionally their public key; without one there
    is a single host, ``default_host``. ``parent_delay`` (seconds) is how long a job may take before
    its "running" message is posted; ``start_within`` bounds the wait in the queue: past it a
    job is decided anew, and its asker is asked first once it is ``ask_after`` old; ``deadline`` the run.
    ``metrics_token`` is what Prometheus has to bring (as a bearer) to ``/metrics``; over HTTP, where that
    port is reached from outside, nothing is told without one.
    ``audit_channel`` is the id of a channel that is told a checkpoint of the audit every hour.
    """

    slack_bot_token: SecretStr
    slack_signing_secret: SecretStr = SecretStr("")
    slack_app_token: SecretStr = SecretStr("")
    slack_mode: SlackMode = SlackMode.SOCKET
    slack_api_url: str = "https://slack.com/api/"
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    policy_file: Path
    hosts_file: Path | None = None
    default_host: str = "local"
    parent_delay: float = 0.4
    start_within: float = 300.0
    ask_after: float = 900.0
    deadline: float = 600.0
    audit_channel: str = ""
    metrics_token: SecretStr = SecretStr("")


class WorkerSettings(StoreSettings):
    """A worker's knobs: one worker per host, beside its engine.

    ``docker_host`` is the engine's URL; ``slots`` how many jobs run at once, ``follow_slots`` how
    many follows (``logs -f``, ``wait``, an attached ``run``) beside them; ``lease`` (seconds) how
    long a silent worker keeps a claim; ``spool_bytes`` and ``spool_age`` (seconds) bound stored output.
    ``stream_seconds`` and ``stream_lines`` end what would go on for ever (``logs -f``); 0 for no limit but
    the job's deadline. ``metrics_port`` (0 for none) on ``metrics_host`` answers ``/metrics``, ``/healthz``
    and ``/readyz``.
    """

    host: str = "local"
    docker_host: str = Field(default="unix:///var/run/docker.sock", validation_alias="DOCKER_HOST")
    slots: int = 16
    follow_slots: int = 64
    lease: float = 6.0
    spool_bytes: int = 2 * 1024**3
    spool_age: float = 7 * 86400.0
    stream_seconds: float = 300.0
    stream_lines: int = 1_000_000
    upload_hosts: tuple[str, ...] = ("files.slack.com",)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    now: float | None = None
    """Fixes the clock that ages are rendered from; set by `docktalk try` alone."""
