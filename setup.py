"""Installs the launchers of bin/ as they are; everything else stands in pyproject.toml."""

from glob import glob

from setuptools import setup

setup(scripts=sorted(glob("bin/*")))
