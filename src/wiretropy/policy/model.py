"""What a policy says, as values that nothing changes: the tables and keys of its file, with their defaults.

`read` makes a `Policy` of a TOML file, `show` writes one, `apply` compares flow records with it. Every attribute below
is the key of that name in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import Literal

from wiretropy.policy.bands import Bands
from wiretropy.schema import DEFAULT_THRESHOLD

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
"""From the least to the most."""

Network = IPv4Network | IPv6Network

POLICY_VERSION = 1
"""Raised when a key changes its meaning or goes away."""

VERDICTS = ("encrypted", "compressed", "encoded", "text", "binary")
"""What a direction can be judged to be, but for `undecided`."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Which flows are meant: those that fit every key that is given. Without any key all flows are.

    Attributes
    ----------
    ports : tuple of (int, int)
        First and last port of ranges; one of the flow's two ports lies in one of them.
    networks : tuple of networks
        One of the flow's two addresses lies in one of them.
    originators, responders : tuple of networks
        The address of that side lies in one of them.
    protocols : tuple of str
        ``tcp``, ``udp``, ``sctp``, ``icmp`` or ``icmp6``.
    community_ids : tuple of str
        The flow's Community ID.
    names : tuple of str
        Names of the policy's table `names`; the flow fits one of what they stand for.
    """

    ports: tuple[tuple[int, int], ...] = ()
    networks: tuple[Network, ...] = ()
    originators: tuple[Network, ...] = ()
    responders: tuple[Network, ...] = ()
    protocols: tuple[str, ...] = ()
    community_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


EVERYTHING = Traffic()
"""All flows."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number of bits per byte that cumulative entropy must not rise above, or fall below.

    Attributes
    ----------
    bits_per_byte : float
        From 0 to 8.
    direction : {'rising', 'falling'}
        Which way of crossing it raises an alert.
    from_byte, to_byte : int
        Payload bytes of a side between which crossings count, both included.
    sides : tuple of {'orig', 'resp'}
        Whose payload.
    traffic : Traffic
        Where it applies; traffic that may or must be encrypted is left out all the same.
    """

    bits_per_byte: float = DEFAULT_THRESHOLD
    direction: Literal["rising", "falling"] = "rising"
    from_byte: int = 0
    to_byte: int = 2**63 - 1
    sides: tuple[str, ...] = ("orig", "resp")
    traffic: Traffic = EVERYTHING


@dataclass(frozen=True, slots=True)
class BandEntry:
    """Learned bands, and where they apply.

    Attributes
    ----------
    file : str
        Where they were read: a file of `wiretropy policy learn`, or a protospec. The path in a policy is relative to
        the policy's folder.
    bands : Bands
        What it holds.
    traffic : Traffic
        Where they apply; by default on the ports that the file names.
    """

    file: str
    bands: Bands
    traffic: Traffic = EVERYTHING


@dataclass(frozen=True, slots=True)
class RuleException:
    """Traffic about which rules say nothing, for a time and a reason.

    Attributes
    ----------
    rules : tuple of str
        Names of rules.
    until : date
        Last day on which the exception holds, of UTC and of the flow's last packet: one that began before and goes on
        behind it is no longer excepted.
    reason : str
        Why.
    traffic : Traffic
        What it is about.
    """

    rules: tuple[str, ...]
    until: date
    reason: str
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's settings.

    Attributes
    ----------
    enabled : bool
        Whether it raises alerts.
    severity : {'low', 'medium', 'high', 'critical'}
        How much they matter.
    """

    enabled: bool = True
    severity: Severity = "medium"


@dataclass(frozen=True, slots=True)
class VerdictRule(Rule):
    """A rule that looks at what a side was judged to be.

    Attributes
    ----------
    min_probability : float
        Least probability of the verdict, 0 to 1.
    min_bytes : int
        Least number of bytes that it rests on.
    """

    min_probability: float = 0.9
    min_bytes: int = 64


@dataclass(frozen=True, slots=True)
class PlaintextRule(VerdictRule):
    """`plaintext_unexpected`.

    Attributes
    ----------
    verdicts : tuple of str
        What counts as plaintext.
    clear_bytes : int
        Length of a stretch of cleartext, text or binary, from which on it counts whatever the verdict. Chains of
        certificates in public captures have 4,032 bytes without a key between them at most.
    """

    verdicts: tuple[str, ...] = ("text", "encoded")
    clear_bytes: int = 8_192


@dataclass(frozen=True, slots=True)
class WeakRule(Rule):
    """`weak_encryption`.

    Attributes
    ----------
    min_bytes : int
        Least number of opaque bytes that are measured; flow records have at most 8,192 of them, without framing.
    min_unevenness : float
        How much more often two of these bytes are equal than two random ones, as a share: 0.25 is a quarter more often.
        Of 754 encrypted sides of public captures with 1,024 such bytes or more the most uneven has 0.12.
    """

    min_bytes: int = 1_024
    min_unevenness: float = 0.25


@dataclass(frozen=True, slots=True)
class RelapseRule(Rule):
    """`relapse`.

    Attributes
    ----------
    min_probability : float
        Least probability that the side is encrypted, where encryption is not expected anyway.
    after_encrypted_bytes : int
        Length of an encrypted segment from which on cleartext behind it counts.
    after_random_bytes : int
        Length of a segment that looks random from which on text behind it counts, where encryption is expected. Keys
        and signatures with certificates between them are shorter.
    last_random_bytes : int
        The same for text with which a side ends, where encryption is required. Handshakes that break off end so at
        worst behind a signature and a key: 512 bytes for RSA of 4,096 bits, and 133 for P-521.
    min_bytes : int
        Length of cleartext from which on it counts.
    """

    min_probability: float = 0.9
    after_encrypted_bytes: int = 256
    after_random_bytes: int = 2_049
    last_random_bytes: int = 768
    min_bytes: int = 16


@dataclass(frozen=True, slots=True)
class CodingRule(Rule):
    """`coding_changed`.

    Attributes
    ----------
    after_bytes : int
        Payload bytes of a side after which changes count.
    min_bytes : int
        Least length of the segments on both sides of the change.
    changes : tuple of (str, str)
        Kinds of segments before and after; ``*`` is any.
    """

    after_bytes: int = 4_096
    min_bytes: int = 256
    changes: tuple[tuple[str, str], ...] = (("encrypted", "compressed"), ("encrypted", "encoded"))


@dataclass(frozen=True, slots=True)
class Suppression:
    """How many alerts of one rule about the same ends are raised.

    Attributes
    ----------
    by : {'host', 'pair'}
        The originator's address, or the addresses of both.
    at_most : int
        Alerts in a span; 0 is any number.
    span_s : int
        Seconds of packet time, from the first alert of the span.
    """

    by: Literal["host", "pair"] = "pair"
    at_most: int = 20
    span_s: int = 3_600


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many alerts of all rules together one host raises.

    Attributes
    ----------
    at_most : int
        Alerts of one originator's address in a span; 0 is any number.
    span_s : int
        Seconds of packet time, from the first alert of the span.
    """

    at_most: int = 200
    span_s: int = 3_600


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        # Where a policy does not say what may be encrypted, nothing is unexpected; reading one that does enables it.
        "encrypted_unexpected": VerdictRule(enabled=False),
        "plaintext_unexpected": PlaintextRule(severity="high"),
        "weak_encryption": WeakRule(severity="high"),
        "threshold_crossed": Rule(),
        "band_left": Rule(),
        "band_regained": Rule(severity="low"),
        "relapse": RelapseRule(severity="high"),
        "coding_changed": CodingRule(),
    }
)
"""Every rule with its defaults, in the order in which the alerts of one place stand."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is expected of the traffic here.

    Attributes
    ----------
    names : mapping of str to Traffic
        Traffic that other tables name.
    may_be_encrypted : tuple of Traffic
        Where encryption is expected and nothing is asked.
    must_be_encrypted : tuple of Traffic
        Where plaintext and weak encryption are alerts.
    threshold : tuple of Threshold
    band : tuple of BandEntry
    exception : tuple of RuleException
    rules : mapping of str to Rule
        Settings of every rule in `RULES`.
    suppression : Suppression
    rate_limit : RateLimit
    """

    names: Mapping[str, Traffic] = field(default_factory=dict)
    may_be_encrypted: tuple[Traffic, ...] = ()
    must_be_encrypted: tuple[Traffic, ...] = ()
    threshold: tuple[Threshold, ...] = ()
    band: tuple[BandEntry, ...] = ()
    exception: tuple[RuleException, ...] = ()
    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)
    suppression: Suppression = field(default_factory=Suppression)
    rate_limit: RateLimit = field(default_factory=RateLimit)


def without_file(threshold: float = DEFAULT_THRESHOLD) -> Policy:
    """The policy where no file is given: the original experiment's threshold, and no limits.

    Parameters
    ----------
    threshold : float
        Bits per byte.
    """
    rules = {
        name: type(rule)(enabled=name == "threshold_crossed", severity=rule.severity) for name, rule in RULES.items()
    }
    return Policy(
        threshold=(Threshold(threshold),),
        rules=rules,
        suppression=Suppression(at_most=0),
        rate_limit=RateLimit(at_most=0),
    )
