"""Policy files: TOML in, a `Policy` out, or every fault at once with file and line.

Refused: text that is no TOML, unknown tables and keys, values that a key does not take, names that nothing defines,
files of bands that cannot be read. What a fault says ends with what to write instead.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wiretropy.inert import inert
from wiretropy.policy.band_file import BandsError, read_bands
from wiretropy.policy.bands import Bands
from wiretropy.policy.faults import FaultsError, read_bytes, utf8
from wiretropy.policy.keys import PARSERS, shown
from wiretropy.policy.model import (
    RULES,
    BandEntry,
    Policy,
    RateLimit,
    Rule,
    RuleException,
    Suppression,
    Threshold,
    Traffic,
)
from wiretropy.policy.toml_lines import KeyPath, key_lines

MAX_FILE_BYTES = 4 << 20
"""A policy with a hundred thousand addresses; anything larger is some other file, named by mistake."""

MAX_KEY_PARTS = 64
"""Parts of a dotted key; with more of them, reading takes time as their square."""

_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"""(?<![\w"'.\\-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}""")

MAX_SEARCHES = 100
MAX_CHOICES = 1_000
MAX_WORD = 60
"""How often, among how many names, and for how long a word the nearest name is looked for: typing errors are few."""

TRAFFIC_KEYS = tuple(each.name for each in fields(Traffic))

TABLES: Mapping[str, tuple[str, ...]] = {
    "names": tuple(name for name in TRAFFIC_KEYS if name != "names"),
    "may_be_encrypted": TRAFFIC_KEYS,
    "must_be_encrypted": TRAFFIC_KEYS,
    "threshold": ("bits_per_byte", "direction", "from_byte", "to_byte", "sides", *TRAFFIC_KEYS),
    "band": ("file", *TRAFFIC_KEYS),
    "exception": ("rules", "until", "reason", *TRAFFIC_KEYS),
    "rules": tuple(RULES),
    "suppression": ("by", "at_most", "span_s"),
    "rate_limit": ("at_most", "span_s"),
}
"""Every table of a policy file with its keys."""

LISTS = ("may_be_encrypted", "must_be_encrypted", "threshold", "band", "exception")
"""Tables that there may be several of, in double brackets."""


class PolicyError(FaultsError):
    """One or more faults in a policy file."""


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises
    ------
    PolicyError
        With every fault in it.
    OSError
        If it cannot be read.
    """
    text = utf8(read_bytes(path, MAX_FILE_BYTES, PolicyError, "policy"), path, PolicyError)
    return parse_policy(text, str(path), path.parent)


def parse_policy(text: str, name: str, folder: Path) -> Policy:
    """Understand the text of a policy.

    Parameters
    ----------
    text : str
        The file's text.
    name : str
        What error messages call it.
    folder : Path
        Where the files of bands lie that it names.

    Raises
    ------
    PolicyError
        With every fault in it.

    Examples
    --------
    >>> policy = parse_policy("[[may_be_encrypted]]\\nports = [22, 443]", "p.toml", Path("."))
    >>> policy.may_be_encrypted[0].ports
    ((22, 22), (443, 443))
    """
    document, lines = _parsed(text, name)
    reader = _Reader(lines, folder)
    policy = reader.policy(document)
    if reader.faults:
        faults = sorted(reader.faults, key=lambda fault: fault[0])
        raise PolicyError(f"{name}:{line}: {what}" for line, what in faults)
    return policy


def _parsed(text: str, name: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """The document, and where each key of it stands."""
    if long_key := _LONG_KEY.search(text):
        number = text.count("\n", 0, long_key.start()) + 1
        told = f"a key, or a text like one, has more than {MAX_KEY_PARTS} parts; in a policy it has 3 at most"
        raise PolicyError([f"{name}:{number}: {told}"])
    try:
        return tomllib.loads(text), key_lines(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"\(at line (\d+)", str(error))
        number = int(line.group(1)) if line else text.count("\n") + 1
        raise PolicyError([f"{name}:{number}: is no TOML: {inert(str(error))}"]) from None
    except ValueError:
        # Python reads no numbers of more than 4,300 digits.
        digits = re.search(r"[0-9_]{4300}", text)
        number = text.count("\n", 0, digits.start()) + 1 if digits else 1
        raise PolicyError([f"{name}:{number}: a number of thousands of digits; numbers are below 2^63 here"]) from None
    except RecursionError:
        raise PolicyError([f"{name}:1: is nested too deeply to be a policy"]) from None


class _Reader:
    """Reads the tables of a document and gathers what is wrong with them, by line."""

    def __init__(self, lines: Mapping[KeyPath, int], folder: Path) -> None:
        self._lines = lines
        self._folder = folder
        self._names: frozenset[str] = frozenset()
        self._searches = 0
        self.faults: list[tuple[int, str]] = []

    def policy(self, document: dict[str, Any]) -> Policy:
        """Read everything."""
        known = self._table(document, (), ("version", *TABLES))
        if "version" in known:
            self._value(known["version"], ("version",))
        names = self._tables_by_name(known.get("names", {}))
        self._names = frozenset(names)
        entries = {table: self._entries(known, table) for table in LISTS}
        rules = self._rules(known.get("rules", {}), has_allowed="may_be_encrypted" in known)
        suppression, rate_limit = (self._single(known, table) for table in ("suppression", "rate_limit"))
        if self.faults:
            # Values that are missing would break what is made of them.
            return Policy()
        return Policy(
            names={name: Traffic(**values) for name, values in names.items()},
            may_be_encrypted=tuple(Traffic(**values) for values in entries["may_be_encrypted"]),
            must_be_encrypted=tuple(Traffic(**values) for values in entries["must_be_encrypted"]),
            threshold=tuple(Threshold(**_with_traffic(values)) for values in entries["threshold"]),
            band=tuple(BandEntry(**_with_traffic(values)) for values in entries["band"]),
            exception=tuple(RuleException(**_with_traffic(values)) for values in entries["exception"]),
            rules=rules,
            suppression=Suppression(**suppression),
            rate_limit=RateLimit(**rate_limit),
        )

    def fault(self, path: KeyPath, what: str) -> None:
        """Note what is wrong at a path."""
        while path and path not in self._lines:
            path = path[:-1]
        self.faults.append((self._lines.get(path, 1), what))

    def _table(self, value: Any, path: KeyPath, known: tuple[str, ...]) -> dict[str, Any]:
        """The known keys of a table; others are faults, with the nearest known name."""
        where = _dotted(path)
        if not isinstance(value, dict):
            self.fault(path, f"{where} is a table; write its keys below a line [{where}]; got {shown(value)}")
            return {}
        for key in value:
            if key not in known:
                what = "table" if path == () else "key"
                instead = self._nearest(key, known) or f"there are {', '.join(known)}"
                self.fault(
                    (*path, key), f"unknown {what} {inert(key, max_length=60)}{f' in {where}' * bool(path)}; {instead}"
                )
        return {key: each for key, each in value.items() if key in known}

    def _nearest(self, word: str, known: Collection[str]) -> str | None:
        """The name that was meant, if one is near; None where looking for it would take too long."""
        self._searches += 1
        if self._searches > MAX_SEARCHES or len(known) > MAX_CHOICES or len(word) > MAX_WORD:
            return None
        close = get_close_matches(word, known, 1)
        return f"{inert(close[0], max_length=MAX_WORD)} is nearest" if close else None

    def _value(self, value: Any, path: KeyPath) -> Any:
        """What a key stands for; None with a fault if it does not take the value."""

        def fail(message: str, index: int | None = None) -> None:
            self.fault(path if index is None else (*path, index), f"{_dotted(path)} {message}")

        return PARSERS[str(path[-1])](value, fail)

    def _values(self, table: Any, path: KeyPath, known: tuple[str, ...]) -> dict[str, Any]:
        values = {key: self._value(value, (*path, key)) for key, value in self._table(table, path, known).items()}
        for index, name in enumerate(values.get("names") or ()):
            if name not in self._names:
                instead = self._nearest(name, self._names) or f"define it in a table [names.{shown(name)}]"
                self.fault((*path, "names", index), f"no name {shown(name)} is defined; {instead}")
        return values

    def _tables_by_name(self, tables: Any) -> dict[str, dict[str, Any]]:
        """The table `names`."""
        if not isinstance(tables, dict):
            self.fault(("names",), f"names is a table of tables, such as [names.office]; got {shown(tables)}")
            return {}
        found = {}
        for name, table in tables.items():
            found[name] = self._values(table, ("names", name), TABLES["names"])
            self._needs_traffic(table, ("names", name))
        return found

    def _single(self, document: dict[str, Any], table: str) -> dict[str, Any]:
        return self._values(document.get(table, {}), (table,), TABLES[table])

    def _entries(self, document: dict[str, Any], table: str) -> list[dict[str, Any]]:
        """Tables in double brackets."""
        entries = document.get(table, [])
        if not isinstance(entries, list):
            self.fault((table,), f"{table} stands in double brackets, since there may be several: [[{table}]]")
            return []
        found = []
        for index, entry in enumerate(entries):
            path = (table, index)
            values = self._values(entry, path, TABLES[table])
            if isinstance(entry, dict):
                self._check_entry(table, entry, values, path)
            found.append(values)
        return found

    def _check_entry(self, table: str, entry: dict[str, Any], values: dict[str, Any], path: KeyPath) -> None:
        """What a table in double brackets needs beyond its single values."""
        required = {"exception": ("rules", "until", "reason"), "band": ("file",)}.get(table, ())
        for key in required:
            if key not in entry:
                self.fault(path, f"{table} needs {key}; write {_EXAMPLES[key]}")
        if table in ("may_be_encrypted", "must_be_encrypted", "exception"):
            self._needs_traffic(entry, path)
        if values.get("file"):
            values["bands"] = self._bands(values["file"], entry, (*path, "file"))
            if values["bands"] is not None:
                values["file"] = str((self._folder / values["file"]).resolve())
        low, high = values.get("from_byte"), values.get("to_byte")
        if low is not None and high is not None and low > high:
            self.fault((*path, "to_byte"), f"{table}.to_byte needs at least from_byte, {low:,}; got {high:,}")

    def _needs_traffic(self, entry: Any, path: KeyPath) -> None:
        if isinstance(entry, dict) and not set(entry) & set(TRAFFIC_KEYS):
            everything = 'networks = ["0.0.0.0/0", "::/0"]'
            self.fault(
                path, f"{_dotted(path)} says no traffic; write ports or networks, or for all traffic {everything}"
            )

    def _bands(self, file: str, entry: dict[str, Any], path: KeyPath) -> Bands | None:
        try:
            bands = read_bands(self._folder / file)
        except BandsError as error:
            for fault in error.faults:
                self.fault(path, f"band.file: {inert(fault)}")
            return None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            self.fault(path, f"band.file {shown(file)} cannot be read ({reason}); write its path beside the policy")
            return None
        if not bands.ports and not set(entry) & set(TRAFFIC_KEYS):
            self.fault(path, f"band.file {shown(file)} names no ports; write ports = [...] where it applies")
        return bands

    def _rules(self, tables: Any, *, has_allowed: bool) -> dict[str, Rule]:
        """The table `rules`: settings of each rule, with defaults for the rest."""
        given = self._table(tables, ("rules",), TABLES["rules"])
        rules = {}
        for name, default in RULES.items():
            known = tuple(each.name for each in fields(default))
            values = self._values(given.get(name, {}), ("rules", name), known)
            if name == "encrypted_unexpected":
                values = {"enabled": has_allowed, **values}
            current = {key: getattr(default, key) for key in known}
            rules[name] = type(default)(**{**current, **values})
        return rules


_EXAMPLES = {
    "rules": 'rules = ["encrypted_unexpected"]',
    "until": "until = 2027-01-31, its last day",
    "reason": 'reason = "why it is one"',
    "file": 'file = "ssh.json"',
}


def _with_traffic(values: dict[str, Any]) -> dict[str, Any]:
    """Values of an entry with those of its traffic put together."""
    traffic = Traffic(**{key: value for key, value in values.items() if key in TRAFFIC_KEYS})
    return {"traffic": traffic, **{key: value for key, value in values.items() if key not in TRAFFIC_KEYS}}


def _dotted(path: KeyPath) -> str:
    """A path as TOML writes it, without the indices."""
    return inert(".".join(key for key in path if isinstance(key, str)), max_length=80)
