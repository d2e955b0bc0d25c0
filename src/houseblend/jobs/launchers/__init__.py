"""Where jobs run: this machine, Slurm, GridEngine."""
