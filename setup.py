"""One source, two wheels: what each holds follows from the Python that builds it."""

import sys

from setuptools import find_packages, setup

# Each has a folder of its own to build in: what one leaves there must not get into the other's wheel.
OPTIONS = {"build": {"build_base": "build/python%d" % sys.version_info[0]}}

if sys.version_info[0] == 2:
    # The driver, what it runs its work by, and of the packages around them no more than makes them namespaces:
    # docker_registry.core is docker-registry-core's there, and the OCI registry needs Python 3.
    setup(
        options=OPTIONS,
        packages=find_packages(include=["docker_registry.concurrency", "docker_registry.drivers.swift*"]),
        py_modules=["docker_registry.__init__", "docker_registry.drivers.__init__"],
    )
else:
    setup(
        options=OPTIONS,
        packages=find_packages(include=["docker_registry", "docker_registry.*"]),
        package_data={"docker_registry": ["py.typed"], "docker_registry.web": ["static/*", "templates/*"]},
        entry_points={"console_scripts": ["docker-registry-swift = docker_registry.cli:main"]},
    )
