"""Measures wiretropy against a lower bound, its targets and other programs: `python bench/run.py`."""
