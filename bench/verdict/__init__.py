"""Training and evaluation of what `wiretropy.verdict` ships."""
