"""What can go wrong while traffic is made."""


class LabError(Exception):
    """A class could not be recorded; the message says which step failed and what the program said."""
