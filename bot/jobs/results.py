"""From what a command returned or raised to the Result that Redis carries."""

import time

from bot.jobs.context import JobContext
from bot.jobs.running import Job
from bot.jobs.wire import CELLS, Cells, Result, Tail
from handlers.faults import EngineFault, Fault, Reason, Unreachable
from handlers.grammar.output import Output, Table
from permissions.ticket import Effect

CELL_CHARACTERS = 1_000
"""The most of one cell that a result carries; the text has the rest."""

MAYBE_DONE = "It may have been carried out all the same: look at the target before you run it again."
NOT_KEPT = "The worker's disk did not take the whole output; only this end of it is there."

INTERNAL = "Something went wrong inside Docktalk; the worker's log tells more under this job's id."

NOTHING_RUN = "Nothing was run."


def of_output(job: Job, context: JobContext, output: Output) -> Result:
    """The command came to its own end."""
    context.stdout(output.stdout.encode("utf-8", "surrogateescape"))
    context.stderr(output.stderr.encode("utf-8", "surrogateescape"))
    reason = output.failures[0].reason if output.failures else ""
    table = _cells(context, output) if isinstance(output, Table) else None
    return _result(job, context, exit_code=output.exit_code, reason=reason, hint=output.note, table=table)


def of_fault(job: Job, context: JobContext, fault: Fault) -> Result:
    """The command failed in a way a person can act on."""
    context.stderr(f"{_sentence(fault)}\n".encode("utf-8", "surrogateescape"))
    return _result(job, context, exit_code=fault.exit_code, reason=fault.reason, hint=fault.hint)


def of_end(job: Job, context: JobContext, fault: Fault) -> Result:
    """The command was ended from outside."""
    change = job.claims is not None and job.claims.effect is Effect.CHANGE
    context.stderr(f"{fault.message}\n".encode())
    hint = fault.hint or (MAYBE_DONE if change else "")
    return _result(job, context, exit_code=fault.exit_code, reason=fault.reason, hint=hint)


def of_error(job: Job, context: JobContext) -> Result:
    """The command failed in a way nobody foresaw."""
    return of_fault(job, context, Fault(INTERNAL, reason=Reason.INTERNAL))


def not_begun(job: Job, why: str = INTERNAL, reason: Reason = Reason.INTERNAL) -> Result:
    """The job could not even begin, by default for a reason nobody foresaw."""
    text = f"{why.removesuffix(NOTHING_RUN).rstrip()} {NOTHING_RUN}\n"
    stderr = Tail(text=text, total_bytes=len(text), total_lines=1)
    now = time.time()
    return Result(exit_code=1, reason=reason, stderr=stderr, kept=False, began_at=job.began_at, ended_at=now)


def _result(
    job: Job, context: JobContext, *, exit_code: int, reason: str, hint: str = "", table: Cells | None = None
) -> Result:
    context.flush()
    stdout, stderr, head = context.output.close()
    kept = context.output.kept
    hints = [context.masked(hint), "" if kept else NOT_KEPT]
    return Result(
        exit_code=exit_code,
        reason=str(reason),
        hint=" ".join(text for text in hints if text),
        stdout=stdout,
        stderr=stderr,
        head=head,
        table=table,
        kept=kept,
        began_at=job.began_at,
        ended_at=time.time(),
    )


def _sentence(fault: Fault) -> str:
    """The fault as the docker CLI prints it."""
    daemon = isinstance(fault, EngineFault) and not isinstance(fault, Unreachable)
    if daemon and "Error response from daemon:" not in fault.message:
        return f"Error response from daemon: {fault.message}"
    return fault.message


def _cells(context: JobContext, table: Table) -> Cells:
    rows = table.rows[: CELLS // max(1, len(table.header))]
    plain = [" ".join(cell.splitlines())[:CELL_CHARACTERS] for row in rows for cell in row]
    # One pass over all cells, a line each, is many times faster than a pass a cell.
    masked = context.masked("\n".join(plain)).split("\n")
    if len(masked) != len(plain):  # a private key took its lines with it
        masked = [context.masked(cell) for cell in plain]
    cells = iter(masked)
    return Cells(
        header=table.header,
        rows=tuple(tuple(next(cells) for _ in row) for row in rows),
        total=len(table.rows),
    )
