"""Where jobs run: this machine, Slurm, GridEngine."""

import os
from dataclasses import replace
from pathlib import Path

from houseblend.base.errors import UsageError
from houseblend.jobs.launcher import Launcher
from houseblend.jobs.launchers import gridengine, slurm
from houseblend.jobs.launchers.batch_system import BatchLauncher
from houseblend.jobs.launchers.local import LocalLauncher
from houseblend.jobs.launchers.site import site_of

BATCH_SYSTEMS = {
    "slurm": (slurm.SlurmLauncher, slurm.DEFAULTS),
    "queue": (gridengine.GridEngineLauncher, gridengine.DEFAULTS),
}
"""Launchers by name, with what a site's file need not say."""


def launcher_of(word: str, slots: int | None = None) -> Launcher:
    """The launcher that a word names; without a word $HOUSEBLEND_LAUNCHER, or this machine.

    Args:
        word: `local`, or one of `BATCH_SYSTEMS`, perhaps with the file of the site's options: `slurm:site.conf`.
        slots: jobs at a time; None: what there is room for.

    Raises:
        UsageError: another word, or bad options in the file.
        InputError: no such file.
    """
    word = word or os.environ.get("HOUSEBLEND_LAUNCHER", "") or "local"
    name, _, file = word.partition(":")
    if word == "local":
        return LocalLauncher(slots)
    if name in BATCH_SYSTEMS:
        return batch_launcher_of(name, file, slots)
    raise UsageError(
        f"launcher {word!r}", expected=" or ".join(["local", *BATCH_SYSTEMS]), do="with a site's file: slurm:site.conf"
    )


def batch_launcher_of(name: str, file: str = "", slots: int | None = None, flags: str = "") -> BatchLauncher:
    """The launcher of a batch system; `flags` go to its submit command beside those of the site. See `launcher_of`."""
    kind, defaults = BATCH_SYSTEMS[name]
    site = site_of(name, Path(file) if file else None, defaults)
    return kind(replace(site, flags=f"{site.flags} {flags}".strip()), slots)
