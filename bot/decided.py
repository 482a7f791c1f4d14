"""A decision whose "no" is raised, for whoever goes on only with a yes."""

from handlers.faults import Denied, Reason
from permissions.decide import decide
from permissions.decision import Allow, Deny, NeedsApproval
from permissions.operation import Operation, Principal, Standing
from permissions.policy import Policy


def decided(
    policy: Policy, principal: Principal, channel_id: str, operation: Operation, at: float
) -> Allow | NeedsApproval:
    """The decision; raises Denied where it is no. ``at`` is epoch seconds."""
    decision = decide(policy, principal, channel_id, operation, at)
    if isinstance(decision, Deny):
        raise Denied(decision.reason, rule=decision.rule, hint=decision.hint)
    return decision


def allowed(policy: Policy, principal: Principal, channel_id: str, operation: Operation, at: float) -> Allow:
    """The same for what nobody can be asked to agree to: raises Denied then as well."""
    decision = decided(policy, principal, channel_id, operation, at)
    if isinstance(decision, NeedsApproval):
        raise Denied("this cannot be approved: a rule has to allow it", rule=decision.rule)
    return decision


def members_only(principal: Principal) -> None:
    """Raises Denied for guests and whoever has left: no answer of the bot's own is for them."""
    if principal.standing is not Standing.MEMBER:
        raise Denied(
            "only members of this workspace are answered",
            rule=f"standing {principal.standing}",
            reason=Reason.NOT_A_MEMBER,
        )
