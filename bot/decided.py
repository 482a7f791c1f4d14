"""A decision whose "no" is raised, for whoever goes on only with a yes."""

from handlers.faults import Denied
from permissions.decide import decide
from permissions.decision import Allow, Deny
from permissions.operation import Operation, Principal
from permissions.policy import Policy


def allowed(policy: Policy, principal: Principal, channel_id: str, operation: Operation, at: float) -> Allow:
    """The Allow; raises Denied for whatever else the policy says. ``at`` is epoch seconds."""
    match decide(policy, principal, channel_id, operation, at):
        case Allow() as allow:
            return allow
        case Deny(rule=rule, reason=reason, hint=hint):
            raise Denied(reason, rule=rule, hint=hint)
        case other:
            # Approvals are not built yet; a policy cannot ask for one, and nothing passes by default.
            raise Denied("this needs an approval, which nobody can give yet", rule=other.rule)
