"""What a newcomer and a reviewer meet first is there and does what it says."""

import importlib.metadata
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
LOCKS = ("run.lock", "dev.lock")


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def pins(lock: str) -> set[str]:
    """Lines that pin a package, markers included."""
    return set(re.findall(r"^(\S+==\S+.*?) \\$", text(f"requirements/{lock}"), re.MULTILINE))


def name_of(requirement: str) -> str:
    """The normalised name in a requirement."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_python_package_and_crates_have_one_version() -> None:
    crates = tomllib.loads(text("Cargo.toml"))["workspace"]["package"]["version"]
    assert importlib.metadata.version("wiretropy") == crates
    assert f"## {crates}" in text("CHANGELOG.md")


def test_both_programs_are_installed() -> None:
    scripts = importlib.metadata.distribution("wiretropy").entry_points.select(group="console_scripts")
    assert {script.name for script in scripts} == {"wiretropy", "net-entropy"}


@pytest.mark.parametrize("lock", LOCKS)
def test_locked_packages_are_pinned_by_hash_and_name_no_host(lock: str) -> None:
    entries = re.split(r"^(?=\S+==)", text(f"requirements/{lock}"), flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text(f"requirements/{lock}")
    assert "index-url" not in text(f"requirements/{lock}")


def test_locks_hold_every_dependency_in_the_same_version() -> None:
    project = tomllib.loads(text("pyproject.toml"))
    groups = [entry for group in ("build", "dev", "docs") for entry in project["dependency-groups"][group]]
    runtime = {name_of(requirement) for requirement in project["project"]["dependencies"]}
    wanted = runtime | {name_of(entry) for entry in groups if isinstance(entry, str)}
    assert runtime <= {name_of(pin) for pin in pins("run.lock")}
    assert wanted <= {name_of(pin) for pin in pins("dev.lock")}
    assert pins("run.lock") <= pins("dev.lock")


def test_ci_runs_make_test_and_nothing_else() -> None:
    script = REPOSITORY / ".ci/run"
    commands = [
        line for line in script.read_text(encoding="utf-8").splitlines() if not line.startswith(("#", "set", "cd"))
    ]
    assert commands == ["make test"]
    assert script.stat().st_mode & stat.S_IXUSR


def test_licence_is_the_one_that_the_package_names() -> None:
    assert tomllib.loads(text("pyproject.toml"))["project"]["license"] == "Apache-2.0"
    assert "Apache License\n" in text("LICENSE")
    assert "Version 2.0, January 2004" in text("LICENSE")


@pytest.mark.parametrize(
    "name", ["README.md", *sorted(str(p.relative_to(REPOSITORY)) for p in REPOSITORY.glob("docs/*.md"))]
)
def test_text_for_users_never_names_the_private_extension(name: str) -> None:
    assert "_core" not in text(name)


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{p.name}" for p in REPOSITORY.glob("docs/*.md"))]
)
def test_links_within_the_repository_lead_somewhere(name: str) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(name))
    missing = [target for target in targets if not (REPOSITORY / name).parent.joinpath(target).exists()]
    assert missing == []


def test_every_target_of_the_make_file_that_is_named_in_texts_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", "docs/tour.md", "docs/the-experiment.md"):
        named = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", text(name), re.MULTILINE))
        assert named <= targets, name


def test_commands_of_the_readme_are_taken(tmp_path: Path) -> None:
    """Every `$ wiretropy ...` line runs and ends with exit code 0, in a folder with links to the repository."""
    for name in ("examples", "tests"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    commands = re.findall(r"^ {4}\$ ((?:wiretropy|net-entropy) .*?)(?:  +#.*)?$", text("README.md"), re.MULTILINE)
    assert len(commands) >= 6
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert "Traceback" not in done.stderr


def test_every_module_but_the_drawing_one_is_kept_from_plotting_libraries() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [watched] = [contract["source_modules"] for contract in contracts if contract["type"] == "forbidden"]
    there = {path.stem for path in (REPOSITORY / "src/wiretropy").glob("[a-z]*") if path.suffix in ("", ".py")}
    assert {name.removeprefix("wiretropy.") for name in watched} == there - {"plot"}
