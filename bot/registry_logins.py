"""What the path does for ``login`` and ``logout``, and for commands that need a registry's login."""

import re
from dataclasses import dataclass

from bot.keys import BotKeys
from bot.reply import PasswordNeeded
from bot.request import Origin, Request
from bot.store.corrections import Corrections
from bot.store.logins import Login as KeptLogin
from bot.store.logins import LoginChange, Logins, owner
from handlers.faults import Fault, Reason
from handlers.grammar.command import Command
from handlers.grammar.parser import Parsed
from handlers.system.login import Login, server_key
from handlers.system.logout import Logout
from permissions.operation import Principal
from permissions.ticket import SealedValue

_FROM_STDIN = re.compile(r"--password-stdin(?:=\S*)?(?!\S)")
"""Goes from the line that the form's answer is put behind: the password comes from the form."""


@dataclass(frozen=True)
class RegistryLogins:
    """Asks for passwords, and keeps logins for their owner alone. What asks the store raises StoreDown."""

    keys: BotKeys
    kept: Logins
    corrections: Corrections

    async def password(self, request: Request, principal: Principal, parsed: Parsed) -> PasswordNeeded | None:
        """What has to be asked before a login can be tried; raises Fault where it cannot be asked."""
        login = parsed.command
        if not isinstance(login, Login) or parsed.dry_run:
            return None
        if login.password and request.origin is Origin.MENTION:
            raise Fault(
                "A password in a message can be read by everybody here. Nothing was run.",
                hint="Delete your message, change that password, and use /docker login: it asks for it.",
                reason=Reason.SECRET_SHOWN,
            )
        server = server_key(login.server)
        known = server in await self.kept.of(owner(principal.team_id, principal.user_id))
        if login.password or (known and not login.username):
            return None
        if request.origin is not Origin.SLASH:
            raise Fault(
                "A password can only be asked for after a slash command.",
                hint="Use /docker login in the channel.",
                reason=Reason.NEEDS_TERMINAL,
            )
        line = request.model_copy(update={"text": _FROM_STDIN.sub("", request.text, count=1)})
        return PasswordNeeded(
            server=server, username=login.username, correction_id=await self.corrections.keep(line)
        )

    async def hold(self, job_id: str, principal: Principal, command: Command) -> None:
        """Keeps what a login or logout will have changed beside its job, until that has ended well."""
        whose, login = owner(principal.team_id, principal.user_id), None
        if isinstance(command, Login) and command.password:
            login = KeptLogin(
                owner=whose,
                server=server_key(command.server),
                username=command.username.strip(),
                password=command.password,
            )
        elif not isinstance(command, Logout):
            return
        change = LoginChange(job_id=job_id, owner=whose, server=server_key(command.server), login=login)
        await self.kept.hold(change)

    async def sealed(self, principal: Principal, command: Command, host_key: bytes) -> dict[str, SealedValue]:
        """The asker's logins, sealed to the host, for a command that may need them."""
        if not command.logins:
            return {}
        kept = await self.kept.of(owner(principal.team_id, principal.user_id))
        return {server: self.keys.seal(host_key, login) for server, login in kept.items()}
