"""Measures what learned bands achieve."""
