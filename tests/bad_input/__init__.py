"""Hostile inputs, one generator for each class of the project's list, and what must happen to them.

Nothing here knows how wiretropy reads captures: the builders write bytes by the
formats' own documents, and the outcomes are those that the list of classes states.
"""
