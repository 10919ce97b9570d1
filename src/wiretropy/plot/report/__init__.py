"""The report: one HTML page that says what was found, shows the evidence, and works offline.

Flow records and alerts go into a `Gathering`, batch by batch; what is kept of them comes out as `Found`, and `page`
makes the HTML of it. Columns that judging adds (`verdict`, `segments`, ...) are shown where they are there.

The page refuses to load anything: its content security policy allows one script and one style sheet, by their hashes.
The same flows give the same page.
"""

from wiretropy.plot.report.gather import Found, Gathering
from wiretropy.plot.report.render import page

__all__ = ["Found", "Gathering", "page"]
