"""Synthetic text: sentences of ordinary words drawn at random, so that captures carry nobody's writing.

Frequent words come often and rare ones seldom, as in real language, which gives bytes the entropy of written English
(about 4.2 bits per byte).
"""

from __future__ import annotations

import random

# Ordered by how often they are drawn: the nth word comes about 1/n as often as the first.
WORDS = """
the of and to in a is that for it on with as was at by this be from are or had not which but one have were all they
when there each how other about many then them these some would make like time has look two more write see number way
could people than first water been call who oil now find long down day did get come made may part over new sound take
only little work know place year live back give most very after thing our just name good sentence man think say great
where help through much before line right too mean old any same tell boy follow came want show also around form three
small set put end does another well large must big even such because turn here why ask went men read need land
different home us move try kind hand picture again change off play spell air away animal house point page letter
mother answer found study still learn should world harbour lantern copper meadow ledger gravel orchard kettle timber
signal valley
""".split()


def text(size: int, seed: str) -> str:
    """Exactly `size` ASCII characters of sentences in paragraphs; the same seed gives the same text."""
    rng = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    pieces: list[str] = []
    length = 0
    while length < size:
        words = rng.choices(WORDS, weights, k=rng.randint(5, 17))
        sentence = " ".join(words).capitalize() + rng.choice(". . . . ? !".split())
        sentence += "\n\n" if rng.random() < 0.15 else "\n" if rng.random() < 0.3 else " "
        pieces.append(sentence)
        length += len(sentence)
    return "".join(pieces)[:size]
