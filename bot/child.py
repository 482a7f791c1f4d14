"""Child processes that do not outlive us, whatever way we end."""

import os
import sys
from collections.abc import Sequence

# The launcher asks the kernel for a signal at our death, then becomes the command. PR_SET_PDEATHSIG is 1.
_LAUNCH = (
    "import ctypes,os,signal,sys\n"
    "if sys.platform == 'linux':\n"
    "    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)\n"
    "if os.getppid() == int(sys.argv[1]):\n"
    "    os.execv(sys.argv[2], sys.argv[2:])\n"
)


def tied(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` (its program as a path) so that it ends when we do.

    On Linux the kernel's death signal follows the *thread* that starts it: let it be one that lives as
    long as the process.
    """
    return [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *command]
