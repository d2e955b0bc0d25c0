"""A Slurm and a GridEngine of our own on this machine: in one folder, on free ports, stopped with the block that started them."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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

    def jobs(self) -> set[str]:
        """Names of the jobs that run or wait."""
        if self.name == "slurm":
            return set(self.ask("squeue", "-h", "-o", "%j").split())
        return set(re.findall("<JB_name>(.*)</JB_name>", self.ask("qstat", "-xml")))

    def wait_for(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until a condition holds, with what the daemons said if it does not."""
        end = time.monotonic() + seconds
        while not condition():
            said = "\n".join(path.read_text(errors="replace")[-800:] for path in sorted(self.folder.glob("*.out")))
            assert time.monotonic() < end, f"not within {seconds} s; the daemons said:\n{said}"
            time.sleep(0.5)


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


BOOTSTRAP = """\
admin_user {user}
default_domain none
ignore_fqdn true
spooling_method berkeleydb
spooling_lib libspoolb
spooling_params {folder}/database
binary_path /usr/sbin
qmaster_spool_dir {folder}/qmaster
security_mode none
listener_threads 2
worker_threads 2
scheduler_threads 1
"""
EXEC_HOST = dict.fromkeys(
    [
        "load_scaling",
        "complex_values",
        "user_lists",
        "xuser_lists",
        "projects",
        "xprojects",
        "usage_scaling",
        "report_variables",
    ],
    "NONE",
)
PARALLEL = {
    "pe_name": "smp", "slots": "99", "user_lists": "NONE", "xuser_lists": "NONE", "start_proc_args": "NONE",
    "stop_proc_args": "NONE", "allocation_rule": "$pe_slots", "control_slaves": "TRUE", "job_is_first_task": "FALSE",
    "urgency_slots": "min", "accounting_summary": "FALSE", "qsort_args": "NONE",
}  # fmt: skip
MPI = {**PARALLEL, "pe_name": "mpi", "allocation_rule": "$fill_up"}
QUEUE = {
    "qname": "all.q", "seq_no": "0", "load_thresholds": "NONE", "suspend_thresholds": "NONE", "nsuspend": "1",
    "suspend_interval": "00:05:00", "priority": "0", "min_cpu_interval": "00:05:00", "processors": "UNDEFINED",
    "qtype": "BATCH", "ckpt_list": "NONE", "pe_list": "smp mpi", "rerun": "FALSE", "shell": "/bin/bash", "prolog": "NONE",
    "epilog": "NONE", "shell_start_mode": "unix_behavior", "starter_method": "NONE", "suspend_method": "NONE",
    "resume_method": "NONE", "terminate_method": "NONE", "notify": "00:00:05", "owner_list": "NONE", "user_lists": "NONE",
    "xuser_lists": "NONE", "subordinate_list": "NONE", "complex_values": "NONE", "projects": "NONE", "xprojects": "NONE",
    "calendar": "NONE", "initial_state": "default",
    **{f"{kind}_{what}": "INFINITY" for what in ("rt", "cpu", "fsize", "data", "stack", "core", "rss", "vmem") for kind in "sh"},
}  # fmt: skip
"""The objects of GridEngine whole, as its own templates name things that are not there."""
GLOBAL = {
    "min_uid": "0", "min_gid": "0", "load_report_time": "00:00:02", "max_unheard": "00:00:10", "mailer": "/bin/true",
    "execd_spool_dir": "{folder}/execd",
    "reporting_params": "accounting=true reporting=false flush_time=00:00:01 accounting_flush_time=00:00:01 joblog=false sharelog=00:00:00",
}  # fmt: skip
SCHEDULER = {
    "schedule_interval": "0:0:2",
    "flush_submit_sec": "1",
    "flush_finish_sec": "1",
    "job_load_adjustments": "NONE",
}


def gridengine(slots: int = 2) -> Iterator[Engine]:
    """A GridEngine of one host. Needs gridengine-master, gridengine-exec and gridengine-client."""
    with _folder() as folder:
        yield from _gridengine(folder, slots)


def _gridengine(folder: Path, slots: int) -> Iterator[Engine]:
    host, user, ports = socket.gethostname(), _user(), _free_ports(2)
    cell = folder / "sge/default/common"
    for place in (cell, folder / "qmaster/job_scripts", folder / "execd", folder / "database", folder / "tmp"):
        place.mkdir(parents=True)
    (folder / "tmp").chmod(0o1777)
    for name in ("bin", "lib", "util", "utilbin"):
        shutil.copytree(Path("/var/lib/gridengine") / name, folder / "sge" / name, symlinks=True)
    (cell / "act_qmaster").write_text(f"{host}\n")
    (cell / "bootstrap").write_text(BOOTSTRAP.format(user=user, folder=folder))
    if host != "localhost":
        (cell / "host_aliases").write_text(f"{host} localhost\n")  # as that is what 127.0.0.1 is called
    engine = Engine("queue", folder, {
        **_environment(), "SGE_ROOT": str(folder / "sge"), "SGE_CELL": "default", "SGE_ARCH": "lx-amd64",
        "SGE_QMASTER_PORT": str(ports[0]), "SGE_EXECD_PORT": str(ports[1]),
    })  # fmt: skip

    def configure(option: str, values: Mapping[str, str]) -> None:
        """Hand an object over: qconf takes a file, and tells of mistakes with status 0 at times."""
        file = folder / "object"
        file.write_text("".join(f"{name} {value}\n" for name, value in values.items()))
        engine.ask("qconf", option, file, check=False)

    def changed(text: str, values: Mapping[str, str]) -> dict[str, str]:
        lines = text.replace("\\\n", "").splitlines()
        found = dict(line.split(None, 1) for line in lines if line and not line.startswith("#"))
        return {**found, **{name: value.format(folder=folder) for name, value in values.items()}}

    try:
        engine.ask("/usr/share/gridengine/scripts/init_cluster", folder / "sge", "default", folder / "database", user)
        engine.start("qmaster", "/usr/lib/gridengine/sge_qmaster", SGE_ND="1")
        engine.wait_for(lambda: "min_uid" in engine.ask("qconf", "-sconf", "global", check=False))
        engine.ask("qconf", "-ah", host, check=False)
        engine.ask("qconf", "-as", host, check=False)
        (folder / "global").mkdir()
        text = changed(engine.ask("qconf", "-sconf", "global"), GLOBAL)
        (folder / "global/global").write_text("".join(f"{name} {value}\n" for name, value in text.items()))
        engine.ask("qconf", "-Mconf", folder / "global/global", check=False)
        configure("-Msconf", changed(engine.ask("qconf", "-ssconf"), SCHEDULER))
        configure("-Ae", {"hostname": host, **EXEC_HOST})
        engine.start("execd", "/usr/lib/gridengine/sge_execd", SGE_ND="1")
        configure("-Ap", PARALLEL)
        configure("-Ap", MPI)
        configure("-Aq", {**QUEUE, "hostlist": host, "slots": str(slots), "tmpdir": str(folder / "tmp")})
        engine.wait_for(
            lambda: re.search(r"^all\.q@.* lx-amd64 *$", engine.ask("qstat", "-f", check=False), re.MULTILINE)
        )
        yield engine
    finally:
        engine.ask("qdel", "-f", "-u", "*", check=False)
        time.sleep(1)
        engine.stop()


def _user() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


SYSTEMS = {
    "slurm": (slurm, ("slurmctld", "slurmd", "munged", "sbatch")),
    "queue": (gridengine, ("qsub", "qstat", "qacct")),
}
"""By name: what starts it, and the commands that must be there."""
