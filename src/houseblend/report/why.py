"""Why an experiment failed: its first cause, the end of the log that tells of it, and what to do next."""

from pathlib import Path
from typing import Any

from houseblend.base.fingerprint import LEDGER
from houseblend.base.record import LOG
from houseblend.jobs.array import last_lines
from houseblend.jobs.failures import policy_of
from houseblend.jobs.spec import JobResult
from houseblend.parallel.ledger import read_ledger
from houseblend.parallel.records import Refusal
from houseblend.report.late import list_late, rounds_in
from houseblend.report.status import StepState, state_of, step_directories

KILLED = "the process ended without a word: kill -9, no memory left, or the machine went down"
LINES = 10


def explain(place: Path) -> str:
    """What is to be said of an experiment, or of all failed steps of a work directory whose inputs are well.

    Args:
        place: a step's output directory, or a directory above several.

    Raises:
        InputError: no step has written there.
    """
    folders = step_directories(place)
    states = {_real(folder): state_of(folder) for folder in folders}
    broken = [state for state in states.values() if state.kind in ("failed", "unfinished")]
    if not broken:
        lines = [line for state in states.values() for line in (str(state), *_late(state))]
        return "\n".join([f"nothing has failed in {place}", *lines])
    first = {_real(cause.folder): cause for state in broken for cause in [_first_cause(state)]}
    return "\n\n".join(map(account, first.values()))


def _first_cause(state: StepState) -> StepState:
    """The step that failed before: `state`, or one that makes an input of it."""
    seen = {_real(state.folder)}
    while True:
        before = [state_of(place) for place in state.inputs if place.is_dir() and _real(place) not in seen]
        broken = [found for found in before if found.kind == "failed" or (found.kind == "unfinished" and found.record)]
        if not broken:
            return state
        state = broken[0]
        seen.add(_real(state.folder))


def account(state: StepState) -> str:
    """Cause, log and advice for one step that has failed."""
    folder, record = state.folder, state.record
    kind, cause, log = record.get("class", ""), record.get("message", KILLED), folder / LOG
    job = _failed_job(folder)
    refused = _refused_round(folder)
    if job is not None:
        kind, cause, log = job.failure, f"job {job.job}: {job.failure} ({job.message})", _log_of(job, folder)
    elif refused:
        cause = f"{cause.splitlines()[0]}\n{refused}"
    advice = record.get("do") or policy_of(kind).advice
    again = "it continues where it stopped" if record.get("resumes") else "it begins this step again"
    return "\n".join(
        [
            f"{folder}: {state.kind}",
            f"cause: {cause}",
            *_late(state),
            *([f"log, last lines ({log}):", _indented(last_lines(str(log), LINES))] if Path(log).is_file() else []),
            f"next: {advice + '; then r' if advice else 'r'}un this again, {again}:",
            f"  {command_of(folder, record)}",
        ]
    )


def _late(state: StepState) -> list[str]:
    """Workers that were late, of a training that goes on without them."""
    return [f"  {line}" for line in list_late(rounds_in(state.folder), is_over=state.kind in ("done", "stale"))]


def _failed_job(folder: Path) -> JobResult | None:
    """The first job whose last try ended badly: in the last round of a training, or anywhere in another step."""
    rounds = sorted((folder / "rounds").glob("*.*"), key=lambda path: [int(part) for part in path.name.split(".")])
    places = rounds[-1:] or [folder]
    last: dict[tuple[Path, int], JobResult] = {}
    for path in (path for place in places for path in place.rglob("result.*.json")):
        found = JobResult.read(path)
        if found is not None and found.attempt >= last.get((path.parent, found.job), found).attempt:
            last[path.parent, found.job] = found
    return next((last[key] for key in sorted(last) if last[key].failure != "ok"), None)


def _log_of(job: JobResult, folder: Path) -> Path:
    """The job's log, which lies below `folder`, wherever that has been moved to."""
    parts = Path(job.log).parts
    names = [number for number, name in enumerate(parts) if name == folder.resolve().name]
    return folder.joinpath(*parts[names[-1] + 1 :]) if names else Path(job.log)


def _refused_round(folder: Path) -> str:
    """Why the first attempt at the last round was refused, if it was."""
    entries = [entry for entry in read_ledger(folder / LEDGER)[0] if isinstance(entry, Refusal)]
    last = [entry for entry in entries if entry.round == entries[-1].round]
    if not last:
        return ""
    reasons = [f"  worker {worker}: {why}" if worker else f"  {why}" for worker, why in last[0].reason.items()]
    return "\n".join([f"round {last[0].round}, attempt {last[0].attempt}:", *reasons])


def command_of(folder: Path, record: dict[str, Any]) -> str:
    """The command that made the directory, as the record or the log has it."""
    if "command" in record:
        return record["command"]
    log = folder / LOG
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    heads = [line for line in lines if line.startswith("# ")]
    return heads[-1][2:] if heads else "the command that writes this directory"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _real(place: Path) -> Path:
    return place.resolve()
