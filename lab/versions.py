"""Which version of a program is installed, by the package that owns it."""

from __future__ import annotations

import functools
import subprocess

from lab.errors import LabError


@functools.cache
def program(name: str, package: str = "") -> str:
    """`name` with its Debian package version, as the manifest shows it: `curl 7.88.1-10+deb12u12`.

    `package` is the package's name where it differs from the program's. Raises LabError if it is not installed.
    """
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package or name], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise LabError(f"package {package or name} is not installed; lab/install.sh installs what the lab needs")
    # The epoch before the colon orders Debian's packages and says nothing of the program.
    return f"{name} {asked.stdout.rpartition(':')[2]}"
