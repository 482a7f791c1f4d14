"""Every way a command can fail that a person can act on.

::

    Fault
    ├── UsageFault        the line is not a command (caret, did-you-mean)
    ├── Denied            a rule, or the lack of one
    ├── ApprovalClosed    the approval is no longer open
    ├── EngineFault       the Docker Engine answered with an error
    │   ├── NotFound
    │   ├── Conflict
    │   └── Unreachable
    └── JobFault          the job did not end by itself
        ├── TimedOut
        │   └── LimitReached
        ├── Cancelled
        └── OutcomeUnknown

``reason`` is from a closed list, ``message`` is the sentence the docker CLI or we say, ``hint`` says
what to do next. Anything that is not a Fault is logged with the job id and answered generically.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Closed list of outcomes; tests, metrics and the audit count by it."""

    USAGE = "usage"
    UNKNOWN_COMMAND = "unknown_command"
    UNKNOWN_OPTION = "unknown_option"
    BAD_VALUE = "bad_value"
    WRONG_ARGUMENTS = "wrong_arguments"
    UNCLOSED_QUOTE = "unclosed_quote"
    TOO_LONG = "too_long"
    UNKNOWN_HOST = "unknown_host"
    CALLER_FILE = "caller_file"
    NEEDS_TERMINAL = "needs_terminal"
    NOT_OFFERED = "not_offered"
    DENIED = "denied"
    RATE_LIMITED = "rate_limited"
    NOT_A_MEMBER = "not_a_member"
    APPROVAL_CLOSED = "approval_closed"
    MOVED = "moved"
    LOCKED = "locked"
    FROZEN = "frozen"
    NOT_IN_CHANNEL = "not_in_channel"
    SECRET_SHOWN = "secret_shown"  # noqa: S105 - a reason
    STORE_DOWN = "store_down"
    NOT_RECORDED = "not_recorded"
    TICKET_REFUSED = "ticket_refused"
    ENGINE = "engine"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    UNREACHABLE = "unreachable"
    API_TOO_OLD = "api_too_old"
    TIMED_OUT = "timed_out"
    LIMIT = "limit"
    CANCELLED = "cancelled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    NOT_DONE = "not_done"
    ALREADY_ASKED = "already_asked"
    UNCONFIRMED = "unconfirmed"
    TEMPLATE = "template"
    INTERNAL = "internal"


class Fault(Exception):  # noqa: N818 - the design's word
    """The base: shown to people as ``message`` and ``hint``, counted by ``reason``.

    ``exit_code`` is what the docker CLI would exit with for the same failure.
    """

    reason: Reason = Reason.INTERNAL
    exit_code: int = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        reason: Reason | None = None,
        exit_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if reason is not None:
            self.reason = reason
        if exit_code is not None:
            self.exit_code = exit_code


class UsageFault(Fault):
    """The line cannot be understood.

    ``message`` is the CLI's sentence (``unknown flag: --forse``). ``span`` is the (start, end) of
    the bad text as offsets into the line that was tokenised, ``suggestion`` a whole corrected line
    that would parse or None, ``usage`` the command's usage text or "" when none was recognised,
    ``warnings`` what the CLI says before (deprecated spellings).
    """

    reason = Reason.USAGE
    exit_code = 125

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        reason: Reason | None = None,
        exit_code: int | None = None,
        span: tuple[int, int] | None = None,
        suggestion: str | None = None,
        usage: str = "",
        warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint, reason=reason, exit_code=exit_code)
        self.warnings = warnings
        self.span = span
        self.suggestion = suggestion
        self.usage = usage


class Denied(Fault):
    """Policy says no; ``rule`` names the rule that said it."""

    reason = Reason.DENIED

    def __init__(self, message: str, *, rule: str, hint: str = "", reason: Reason | None = None) -> None:
        super().__init__(message, hint=hint, reason=reason)
        self.rule = rule


class ApprovalClosed(Fault):
    """The approval was already decided, withdrawn or expired."""

    reason = Reason.APPROVAL_CLOSED


class EngineFault(Fault):
    """The engine refused; ``message`` is the engine's own sentence."""

    reason = Reason.ENGINE


class NotFound(EngineFault):
    """No such object."""

    reason = Reason.NOT_FOUND


class Conflict(EngineFault):
    """The object is in a state that forbids the request."""

    reason = Reason.CONFLICT


class Unreachable(EngineFault):
    """The engine did not answer."""

    reason = Reason.UNREACHABLE


class JobFault(Fault):
    """The job did not come to its own end."""


class TimedOut(JobFault):
    """The deadline passed; the exit code is that of timeout(1)."""

    reason = Reason.TIMED_OUT
    exit_code = 124


class LimitReached(TimedOut):
    """A stream has shown all that one may here; it would have gone on."""

    reason = Reason.LIMIT


class Cancelled(JobFault):
    """Somebody stopped it; the exit code is that of an interrupted process."""

    reason = Reason.CANCELLED
    exit_code = 130


class OutcomeUnknown(JobFault):
    """A change was begun and its end was not seen."""

    reason = Reason.OUTCOME_UNKNOWN
