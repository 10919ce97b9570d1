"""Servers that more than one class of traffic starts."""
