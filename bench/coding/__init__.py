"""Telling encrypted from compressed bytes: data, statistics and what they achieve; see bench/coding/README.md."""
