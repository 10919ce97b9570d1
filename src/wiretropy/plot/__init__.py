"""Pictures of entropy trajectories: PNG, SVG, interactive HTML, the terminal, gnuplot.

Flow records go in, a `Figure` comes out, which `Figure.save` writes in the format that the file's name says. Only the
renderers inside this package import plotting libraries, and only when their format is asked for.
"""

from wiretropy.plot.curves import Curve
from wiretropy.plot.figure import Band, Figure
from wiretropy.plot.picture import plot
from wiretropy.plot.select import Selection

__all__ = ["Band", "Curve", "Figure", "Selection", "plot"]
