"""What Prometheus may know: how many, how long, how they ended; never who, where to or what.

Every label has a closed list of values, or a host's name from our own settings.
"""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from bot.jobs.wire import Ended, Event, Expired, Held, Late, Refused, Result
from bot.reply import Accepted, Help, PasswordNeeded, Refusal, Reply
from bot.request import Request
from handlers.faults import Reason

REGISTRY = CollectorRegistry()
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 600)
_ACK = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)
_REASONS = frozenset(Reason)

ProcessCollector(registry=REGISTRY)

REPLIES = Counter(
    "docktalk_replies", "Lines answered, by how and how they came", ["origin", "reply"], registry=REGISTRY
)
ACKNOWLEDGED = Histogram(
    "docktalk_ack_seconds", "From Slack's request to its acknowledgement", buckets=_ACK, registry=REGISTRY
)
JOBS = Counter("docktalk_jobs", "Jobs that are over, by their outcome", ["outcome"], registry=REGISTRY)
RUNNING_SECONDS = Histogram(
    "docktalk_job_seconds", "How long jobs ran", ["outcome"], buckets=_SECONDS, registry=REGISTRY
)
SLACK_TROUBLE = Counter("docktalk_slack_errors", "Calls that Slack did not take", ["kind"], registry=REGISTRY)
SLACK_CALLS = Counter("docktalk_slack_calls", "Calls of Slack's Web API", registry=REGISTRY)
WAITING_CHANNELS = Gauge("docktalk_outbox_channels", "Channels with something to post", registry=REGISTRY)
QUEUE = Gauge("docktalk_queue_jobs", "Jobs of a host", ["host", "state"], registry=REGISTRY)
OLDEST = Gauge("docktalk_queue_oldest_seconds", "How long the first has waited", ["host"], registry=REGISTRY)
ALIVE = Gauge("docktalk_worker_alive", "Whether a host's worker lives", ["host"], registry=REGISTRY)
SLOTS_BUSY = Gauge("docktalk_worker_busy_slots", "Jobs that this worker runs now", registry=REGISTRY)


def text() -> bytes:
    """All of it in Prometheus' own format."""
    return generate_latest(REGISTRY)


def replied(request: Request, reply: Reply) -> None:
    """A line was answered."""
    match reply:
        case Accepted(duplicate=duplicate):
            what = "duplicate" if duplicate else "accepted"
        case Refusal(reason=reason):
            what = _reason(reason)
        case PasswordNeeded():
            what = "password_needed"
        case Help():
            what = "help"
        case _:
            what = "other"
    REPLIES.labels(request.origin, what).inc()


def happened(event: Event) -> None:
    """A worker said something."""
    match event:
        case Ended(result=result):
            ended(result)
        case Refused():
            JOBS.labels(Reason.TICKET_REFUSED).inc()
        case Late() | Expired():
            JOBS.labels("late").inc()
        case Held():
            JOBS.labels("held").inc()


def ended(result: Result) -> None:
    """A job came to its end."""
    outcome = _reason(result.reason) if result.reason else "done" if result.exit_code == 0 else "failed"
    JOBS.labels(outcome).inc()
    RUNNING_SECONDS.labels(outcome).observe(max(0.0, result.ended_at - result.began_at))


def serve(
    host: str, port: int, ready: Callable[[], bool], healthy: Callable[[], bool]
) -> ThreadingHTTPServer:
    """A server of ``/metrics``, ``/healthz`` and ``/readyz`` in a thread of its own; ``shutdown`` ends it."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = 404, b"not found\n"
            if self.path == "/metrics":
                status, body = 200, text()
            elif self.path == "/healthz":
                status, body = (200, b"ok\n") if healthy() else (503, b"not healthy\n")
            elif self.path == "/readyz":
                status, body = (200, b"ok\n") if healthy() and ready() else (503, b"not ready\n")
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Requests are not logged."""

    server = ThreadingHTTPServer((host, port), Answers)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _reason(reason: str) -> str:
    # Whoever writes to the store could invent reasons without end.
    return str(reason) if reason in _REASONS else "other"
