"""The whole path against a real engine: one trial for a module, and people who type into it."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.trial.trial import Trial
from bot.trial.watch import Answer

POLICY = """\
version: 1
contact: the owner
roles:
  admin:
    rules:
      - commands: ["*"]
        max_danger: ROOT_EQUIVALENT
        flags: {allow: ["*", no-redact]}
  viewer:
    rules:
      - verbs: [list]
bindings:
  - {role: admin, users: [U0ADMIN]}
  - {role: viewer, groups: [S0VIEWERS]}
"""


class Workspace:
    """A trial with an admin, a viewer and a channel."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.admin, self.viewer = trial.user("admin"), trial.user("viewer")
        self.ops = trial.channel("ops")

    async def ask(self, line: str, *, user=None, channel=None, **more) -> Answer:
        return await self.trial.ask(line, user=user or self.admin, channel=channel or self.ops, **more)


@pytest.fixture(scope="module")
def policy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's own POLICY, where it has one."""
    path = tmp_path_factory.mktemp("policy") / "policy.yaml"
    path.write_text(getattr(request.module, "POLICY", POLICY), encoding="utf-8")
    return path


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def trial(docker_host: str, policy: Path) -> AsyncIterator[Trial]:
    async with Trial(policy=policy, environ={**os.environ, "DOCKER_HOST": docker_host}) as trial:
        yield trial


@pytest.fixture(scope="module")
def workspace(trial: Trial) -> Workspace:
    return Workspace(trial)
