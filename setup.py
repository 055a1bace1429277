"""One source, two wheels: what each holds follows from the Python that builds it."""

import sys

from setuptools import find_packages, setup

if sys.version_info[0] == 2:
    # docker_registry.core is docker-registry-core's there, and the OCI registry needs Python 3.
    setup(packages=["docker_registry", "docker_registry.drivers", "docker_registry.drivers.swift"])
else:
    setup(
        packages=find_packages(include=["docker_registry", "docker_registry.*"]),
        entry_points={"console_scripts": ["docker-registry-swift = docker_registry.cli:main"]},
    )
