"""The parts of the Slack process: each made once, when the first that needs it is made.

What a part needs stands in its few lines here, and nowhere else. Nothing runs yet: :mod:`bot.service` starts
what works by itself, and ends it.
"""

import time
from collections.abc import Awaitable, Callable
from functools import cached_property

from bot.again import Again
from bot.approvals.approvals import ApprovalDesk
from bot.approvals.behind import Behind
from bot.approvals.budgets import BudgetDesk
from bot.approvals.who_can import WhoCanDesk
from bot.audit import entries as audit_entries
from bot.audit.reading import slack_view
from bot.did_you_mean import DidYouMean
from bot.ground import Ground
from bot.holds.held import HeldJobs
from bot.holds.holds import HoldDesk
from bot.holds.not_now import NotNow
from bot.incidents.incidents import IncidentDesk
from bot.jobs.wire import Event
from bot.lending.desk import LendingDesk
from bot.lending.lending import Lending
from bot.lending.revoked import Revoked
from bot.orders import Orders
from bot.own.commands import BEGINNINGS
from bot.own.job_desk import Desk
from bot.own.lines import OwnLines
from bot.own.revoke import RevokeDesk
from bot.own.thread_target import TargetDesk
from bot.pipeline import Pipeline
from bot.policy.answers import PolicyAnswers
from bot.policy.in_use import PolicyInUse
from bot.policy.limits import Limits
from bot.registry_logins import RegistryLogins
from bot.slack.app import SlackApp, build_app
from bot.slack.approval_board import ApprovalBoard
from bot.slack.incident_board import IncidentBoard
from bot.slack.intake import Intake
from bot.slack.lending_board import LendingBoard
from bot.slack.lock_board import LockBoard
from bot.slack.report import Reporter
from bot.store.approvals import Approvals
from bot.store.audit import AuditIntake
from bot.store.budgets import Budget
from bot.store.grants import Grant, stores
from bot.store.held_jobs import HeldStore
from bot.store.in_force import InForce, One
from bot.store.incidents import Incident
from bot.store.kept_locks import KeptLocks
from bot.store.policy_bundles import BotBundles
from bot.store.rates import Rates
from bot.store.thread_targets import ThreadTargets
from bot.tickets import Tickets
from bot.uncertain import Uncertain
from bot.weighing import Weighing


class Parts:
    """One property a part."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def _in_force(self, model: type[One], *, kind: str, letter: str) -> InForce[One]:
        ground = self._ground
        return InForce(*ground.store, ground.keys, ground.audit, model, kind=kind, letter=letter)

    # What is in force beside the policy.

    @cached_property
    def incidents(self) -> IncidentDesk:
        """Incidents, and what belongs to them."""
        return IncidentDesk(
            store=self._in_force(Incident, kind="incident", letter="I"),
            channels=self._ground.channels,
            board=IncidentBoard(self._ground.outbox, self._ground.clock),
            hosts=self._ground.hosts,
            audit_dir=self._ground.settings.audit_dir,
            clock=time.time,
        )

    @cached_property
    def _lending_board(self) -> LendingBoard:
        return LendingBoard(self._ground.outbox)

    @cached_property
    def lending(self) -> Lending:
        """Roles lent for a time."""

        async def ended(grant: Grant) -> None:
            await self.approvals.lent_ended(grant)  # which ask for what is lent

        return Lending(
            policy=self._ground.policy,
            hosts=self._ground.hosts,
            stores=stores(*self._ground.store, self._ground.keys, self._ground.audit),
            tell=self._lending_board.tell,
            ended=ended,
            delivered=self._ground.queue.delivered,
            revoked=Revoked(self._ground.settings.data_dir / "bot" / "revoked", time.time),
            clock=time.time,
        )

    @cached_property
    def _locks(self) -> KeptLocks:
        return KeptLocks(*self._ground.store, self._ground.keys, self._ground.audit)

    @cached_property
    def policies(self) -> PolicyInUse:
        """Which policy is in force, and the locks: what workers are told."""
        bundles = BotBundles(*self._ground.store, self._ground.keys, self._ground.trust)
        return PolicyInUse(self._ground.policy, self._ground.audit, bundles, self._locks)

    @cached_property
    def _not_now(self) -> NotNow:
        return NotNow(self._locks, time.time)

    @cached_property
    def _held(self) -> HeldJobs:
        return HeldJobs(
            store=HeldStore(*self._ground.store, self._ground.keys),
            locks=self._locks,
            policy=self._ground.policy,
            hosts=self._ground.hosts,
            queue=self._ground.queue,
            again=self._again,
            clock=time.time,
        )

    @cached_property
    def holds(self) -> HoldDesk:
        """Locks, and the jobs that they and freezes hold."""
        return HoldDesk(
            locks=self._locks,
            held=self._held,
            hosts=self._ground.hosts,
            inventories=self._ground.inventories,
            publish=self.policies.confirm,
            show=LockBoard(self._ground.outbox).show,
            clock=time.time,
        )

    @cached_property
    def _waiting(self) -> Approvals:
        return Approvals(*self._ground.store, self._ground.keys)

    @cached_property
    def _cards(self) -> ApprovalBoard:
        return ApprovalBoard(self._ground.outbox, self._ground.links)

    @cached_property
    def budgets(self) -> BudgetDesk:
        """What one approval has granted several times."""
        return BudgetDesk(
            store=self._in_force(Budget, kind="budget", letter="B"),
            asked=self._waiting,
            approvers=self._ground.approvers,
            incidents=self.incidents,
            show=self._cards.show_budget,
            clock=time.time,
        )

    @cached_property
    def _limits(self) -> Limits:
        return Limits(Rates(*self._ground.store), self._ground.inventories)

    @cached_property
    def approvals(self) -> ApprovalDesk:
        """What people are asked to agree to."""

        def accepted(job_id: str) -> None:
            self.reporter.accepted(job_id)  # which hears of approvals itself

        return ApprovalDesk(
            store=self._waiting,
            tickets=self._tickets,
            policy=self._ground.policy,
            people=self._ground.people,
            approvers=self._ground.approvers,
            hosts=self._ground.hosts,
            queue=self._ground.queue,
            audit=self._ground.audit,
            show=self._cards.show,
            link=self._ground.links.at,
            accepted=accepted,
            limits=self._limits,
            incidents=self.incidents,
            lending=self.lending,
            not_now=self._not_now,
            budgets=self.budgets,
            clock=time.time,
        )

    # From a line to a job, and back.

    @cached_property
    def _registry_logins(self) -> RegistryLogins:
        return RegistryLogins(self._ground.keys, self._ground.logins, self._ground.corrections)

    @cached_property
    def _tickets(self) -> Tickets:
        return Tickets(
            keys=self._ground.keys,
            trust=self._ground.trust,
            queue=self._ground.queue,
            audit=self._ground.audit,
            logins=self._registry_logins,
            corrections=self._ground.corrections,
            clock=time.time,
            start_within=self._ground.settings.start_within,
            deadline=self._ground.settings.deadline,
            unmasked=self._ground.around.unmasked,
        )

    @cached_property
    def _again(self) -> Again:
        return Again(
            lending=self.lending,
            policy=self._ground.policy,
            people=self._ground.people,
            hosts=self._ground.hosts,
            keys=self._ground.keys,
            trust=self._ground.trust,
            queue=self._ground.queue,
            corrections=self._ground.corrections,
            audit=self._ground.audit,
            incidents=self.incidents,
            clock=time.time,
            start_within=self._ground.settings.start_within,
            ask_after=self._ground.settings.ask_after,
        )

    @cached_property
    def _meant(self) -> DidYouMean:
        return DidYouMean(
            self._ground.inventories,
            self._ground.policy,
            self._ground.people.principal,
            self._ground.corrections,
        )

    @cached_property
    def reporter(self) -> Reporter:
        """From what workers tell to what Slack shows."""
        ground = self._ground
        return Reporter(
            jobs=ground.queue,
            outbox=ground.outbox,
            clock=ground.clock,
            parent_delay=ground.settings.parent_delay,
            recorded=recorder(ground.audit),
            displays=ground.displays,
            meant=self._meant.meant,
            on_event=ground.happened,
            logins=ground.logins,
            decide_anew=self._again.late,
            doubts=Uncertain(ground.trust, ground.corrections, ground.displays, ground.catalogue),
            approvals=self.approvals,
            held=self._held,
            budgets=self.budgets,
        )

    @cached_property
    def _jobs(self) -> Desk:
        ground = self._ground
        return Desk(
            queue=ground.queue,
            listing=ground.listing,
            waiting=self._waiting,
            displays=ground.displays,
            orders=Orders(ground.keys, ground.queue, ground.audit, time.time, ground.settings.start_within),
            hosts=ground.hosts,
            refresh=self.reporter.refresh,
            link=ground.links.to,
            clock=time.time,
        )

    @cached_property
    def _targets(self) -> TargetDesk:
        return TargetDesk(
            store=ThreadTargets(*self._ground.store, self._ground.keys, time.time),
            hosts=self._ground.hosts,
            lending=self.lending,
            inventories=self._ground.inventories,
            catalogue=self._ground.catalogue,
            corrections=self._ground.corrections,
            clock=time.time,
        )

    @cached_property
    def _weighing(self) -> Weighing:
        return Weighing(
            hosts=self._ground.hosts,
            targets=self._targets,
            incidents=self.incidents,
            lending=self.lending,
            not_now=self._not_now,
            unmasked=self._ground.around.unmasked,
            clock=time.time,
        )

    @cached_property
    def _own(self) -> OwnLines:
        ground, settings = self._ground, self._ground.settings
        lends = LendingDesk(
            lending=self.lending,
            approvals=self.approvals,
            tickets=self._tickets,
            listing=ground.listing,
            reviewed=self._lending_board.reviewed,
            can_post=ground.channels.can_post,
            clock=time.time,
        )
        return OwnLines(
            catalogue=ground.catalogue,
            hosts=ground.hosts,
            again=self._again,
            desks=(
                self._jobs,
                self.approvals,
                self.incidents,
                self._targets,
                self.holds,
                lends,
                self.budgets,
                RevokeDesk({"B": self.budgets.revoke, "G": lends.revoke}),
                WhoCanDesk(self.approvals, self._ground.approvers, time.time),
            ),
            policy_answers=PolicyAnswers(
                people=ground.people.principal,
                jobs=ground.queue.request,
                weighing=self._weighing,
                limits=self._limits,
                budgets=self.budgets,
                wire=self._tickets.wire,
                clock=time.time,
            ),
            audit_view=lambda filters: slack_view(settings.audit_dir, filters, time.time()),
            clock=time.time,
        )

    @cached_property
    def pipeline(self) -> Pipeline:
        """The path of every line."""
        ground = self._ground
        return Pipeline(
            catalogue=ground.catalogue,
            policy=ground.policy,
            hosts=ground.hosts,
            people=self._ground.people,
            channels=self._ground.channels,
            limits=self._limits,
            logins=self._registry_logins,
            tickets=self._tickets,
            corrections=self._ground.corrections,
            audit=self._ground.audit,
            own=self._own,
            approvals=self.approvals,
            budgets=self.budgets,
            lending=self.lending,
            targets=self._targets,
            weighing=self._weighing,
            on_reply=self._ground.replied,
            clock=time.time,
        )

    @cached_property
    def app(self) -> SlackApp:
        """What hears Slack."""
        return build_app(
            client=self._ground.client,
            identity=self._ground.identity,
            intake=Intake(
                self.pipeline,
                self._ground.corrections,
                self.reporter.accepted,
                time.time,
                self.reporter.run_again,
            ),
            outbox=self._ground.outbox,
            own_words=BEGINNINGS,
            approvals=Behind(self._waiting, self._ground.people),
            signing_secret=self._ground.settings.slack_signing_secret.get_secret_value(),
        )


def recorder(audit: AuditIntake) -> Callable[[tuple[Event, ...]], Awaitable[None]]:
    """What the reporter calls before it acknowledges events; raises StoreDown."""

    async def recorded(events: tuple[Event, ...]) -> None:
        found = [what for what in map(audit_entries.event, events) if what is not None]
        if found:
            await audit.append(*found, bounded=False)

    return recorded
