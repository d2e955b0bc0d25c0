"""A Slurm and a GridEngine of our own on this machine: in one folder, on free ports, stopped with the block that started them."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 60.0
"""Seconds that a system may take to come up."""


@dataclass
class Engine:
    """A batch system that runs.

    Args:
        name: as the launcher for it is chosen by.
        folder: where all of its files are.
        environment: what its commands need.
        daemons: name -> how it was started, and its process.
    """

    name: str
    folder: Path
    environment: dict[str, str]
    daemons: dict[str, tuple[list[str], subprocess.Popen]] = field(default_factory=dict)

    def start(self, name: str, *command: object, **more: str) -> None:
        """Start a daemon, which speaks into `NAME.out`."""
        words = [str(word) for word in command]
        with open(self.folder / f"{name}.out", "a") as log:
            process = subprocess.Popen(
                words, env={**self.environment, **more}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.daemons[name] = words, process

    def stop(self) -> None:
        """End all daemons, the last one first."""
        for _, process in reversed(self.daemons.values()):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()

    def ask(self, *command: object, check: bool = True) -> str:
        """What a command of the system prints."""
        words = [str(word) for word in command]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def wait_for(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until a condition holds, with what the daemons said if it does not."""
        end = time.monotonic() + seconds
        while not condition():
            said = "\n".join(path.read_text(errors="replace")[-800:] for path in sorted(self.folder.glob("*.out")))
            assert time.monotonic() < end, f"not within {seconds} s; the daemons said:\n{said}"
            time.sleep(0.2)


def missing(commands: Sequence[str]) -> list[str]:
    """Those commands that this machine does not have."""
    return [name for name in commands if shutil.which(name, path=_path()) is None]


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": _path()}


def _free_ports(number: int) -> list[int]:
    """Ports that nobody has: all are held while the next is looked for."""
    with contextlib.ExitStack() as held:
        places = [held.enter_context(socket.socket()) for _ in range(number)]
        for place in places:
            place.bind(("127.0.0.1", 0))
        return [place.getsockname()[1] for place in places]


SLURM = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MailProg=/bin/true
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
SlurmdTimeout=10
KillWait=2
ReturnToService=2
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=2
"""
"""One machine that plays several nodes; no cgroups, and lost nodes, used-up memory and requeued jobs seen within seconds."""


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that all users may enter: munge insists on that."""
    with tempfile.TemporaryDirectory(prefix="engine-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def slurm(nodes: int = 3, cpus: int = 2) -> Iterator[Engine]:
    """A Slurm of so many nodes; the environment names its configuration. Needs slurm-wlm and munge."""
    with _folder() as folder:
        yield from _slurm(folder, nodes, cpus)


def _slurm(folder: Path, nodes: int, cpus: int) -> Iterator[Engine]:
    ports = _free_ports(nodes + 1)
    names = [f"n{number}" for number in range(1, nodes + 1)]
    host, user = socket.gethostname().partition(".")[0], _user()
    lines = [
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory=2000"
        for name, port in zip(names, ports[1:], strict=True)
    ]
    text = SLURM.format(host=host, port=ports[0], user=user, folder=folder, nodes="\n".join(lines))
    (folder / "slurm.conf").write_text(text)
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")  # loads, and does nothing
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    engine = Engine("slurm", folder, {**_environment(), "SLURM_CONF": str(folder / "slurm.conf")})
    try:
        files = [f"--{name}-file={folder}/munged.{name}" for name in ("pid", "seed", "log")]
        engine.start("munged", "munged", "--foreground", f"--socket={folder}/munge.socket", f"--key-file={key}", *files)
        engine.wait_for((folder / "munge.socket").exists)
        engine.start("slurmctld", "slurmctld", "-D", "-c")
        for name in names:
            (folder / f"spool.{name}").mkdir()
            engine.start(name, "slurmd", "-D", "-N", name)
        engine.wait_for(
            lambda: engine.ask("sinfo", "-h", "-N", "-p", "main", "-o", "%T", check=False) == "idle\n" * nodes
        )
        yield engine
    finally:
        engine.ask("scancel", "-u", user, check=False)
        engine.stop()


def _user() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


SYSTEMS = {"slurm": (slurm, ("slurmctld", "slurmd", "munged", "sbatch"))}
"""By name: what starts it, and the commands that must be there."""
