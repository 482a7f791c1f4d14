"""The terms of an approval as a policy may write them: there has to be somebody who could meet them."""

from typing import Annotated

from pydantic import AfterValidator

from permissions.approval import Step, Terms


def _met_by_somebody(terms: Terms) -> Terms:
    for threshold in terms.any:
        if threshold.after >= terms.expires:
            raise ValueError("a threshold begins `after` the approval `expires`")
        for step in threshold.steps:
            _filled_by_somebody(step)
    return terms


def _filled_by_somebody(step: Step) -> None:
    listed = len(set(step.users))
    if not (step.groups or step.roles) and step.people > listed:
        raise ValueError(
            f"nobody can agree: a step needs {step.people} people and lists {listed}, no `groups`, no `roles`"
        )


PolicyTerms = Annotated[Terms, AfterValidator(_met_by_somebody)]
"""Terms that somebody could meet, as far as the policy alone can tell."""
