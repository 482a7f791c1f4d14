"""What the scripts of the queue ought to do, in plain Python: jobs, lanes, shares, locks, leases."""

from collections import Counter

from bot.jobs.host_queue import Free
from bot.jobs.names import LANES

SHARE = 2
"""How many of one person's jobs of one kind may have a place at once."""


class Job:
    def __init__(self, user: str, effect: str, targets: tuple[str, ...], lane: str, not_after: int) -> None:
        self.user, self.effect, self.targets, self.lane = user, effect, targets, lane
        self.kind = "follow" if lane == "follow" else "quick"
        self.not_after = not_after
        # waiting, ready, parked by share or lock, claimed, done; away: it came too late, and may come again
        self.state = "waiting"
        self.token = ""
        self.attempt = 1
        self.number: int | None = None  # the moment from which it stands in line
        self.began = 0
        self.in_hand = False
        self.told_to_end = False


class QueueModel:
    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.lines = 0
        self.lapsed: set[str] = set()
        self.shares: dict[tuple[str, str], list[str]] = {}
        self.ready: dict[str, list[str]] = {"quick": [], "follow": []}
        self.streams: dict[str, list[str]] = {lane: [] for lane in LANES}

    def put(self, job_id: str, job: Job) -> None:
        self.jobs[job_id] = job
        self.streams[job.lane].append(job_id)

    def claimed(self, effect: str | None = None, *, begun: bool | None = None) -> list[str]:
        return [
            job_id
            for job_id, job in self.jobs.items()
            if job.state == "claimed"
            and effect in {None, job.effect}
            and (begun is None or begun == (job.number is not None))
        ]

    def too_late(self, now: int) -> list[str]:
        """Those that nobody has begun and nobody may begin any more."""
        return [
            job_id
            for lane in LANES
            for job_id in self.streams[lane]
            if self.jobs[job_id].not_after < now and self.jobs[job_id].state != "claimed"
        ]

    def to_be_taken(self, free: Free) -> list[str]:
        """Who is ready comes first, then lane by lane; nobody gets more than their share."""
        left = {"quick": free.quick, "follow": free.follow}
        taken: list[str] = []
        for kind, ready in self.ready.items():
            taken += ready[: left[kind]]
            left[kind] -= len(ready[: left[kind]])
            del ready[: free.quick if kind == "quick" else free.follow]
        work = Counter((j.kind, j.user) for j in self.jobs.values() if j.state == "claimed")
        work.update((self.jobs[job_id].kind, self.jobs[job_id].user) for job_id in taken)
        for lane in LANES:
            most = free.of(lane)
            for job_id in self.streams[lane]:
                job = self.jobs[job_id]
                share = job.kind, job.user
                if not left[job.kind] or not most:
                    break
                if job.state != "waiting":
                    continue
                if work[share] >= SHARE:
                    job.state = "parked by share"
                    self.shares.setdefault(share, []).append(job_id)
                else:
                    taken.append(job_id)
                    work[share] += 1
                    left[job.kind] -= 1
                    most -= 1
        return taken

    def may_go(self, job: Job) -> bool:
        return not self.before(job)

    def before(self, job: Job) -> list[Job]:
        """Those that came before it and have in hand what it needs."""
        return [
            other
            for other in self.jobs.values()
            if other.number is not None
            and job.number is not None
            and other.number < job.number
            and (not other.targets or not job.targets or set(other.targets) & set(job.targets))
        ]

    def share_goes_on(self, job: Job) -> None:
        line = self.shares.get((job.kind, job.user), [])
        if line:
            self.made_ready(line.pop(0))

    def made_ready(self, job_id: str) -> None:
        job = self.jobs[job_id]
        job.state, job.token = "ready", ""
        self.lapsed.discard(job_id)
        self.ready[job.kind].append(job_id)

    def over(self, job_id: str, state: str = "done") -> None:
        """It gives its place to the asker's next, then its locks to whoever may go now."""
        job = self.jobs[job_id]
        had_a_place = job.state in {"claimed", "ready"}
        for line in (*self.shares.values(), *self.ready.values(), *self.streams.values()):
            if job_id in line:
                line.remove(job_id)
        job.state, job.number, job.token, job.told_to_end = state, None, "", False
        self.lapsed.discard(job_id)
        if had_a_place:
            self.share_goes_on(job)
