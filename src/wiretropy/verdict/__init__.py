"""What bytes look like: measurements of raw bytes, and whether first bytes are opaque or clear.

`raw` measures bytes that did not come from a flow; `opaque` judges the first bytes of a direction.
Verdicts on coding come later.
"""

from wiretropy.verdict.opaque import opaque_probability
from wiretropy.verdict.raw import RawMeasurement, measure_bytes, measure_stream

__all__ = ["RawMeasurement", "measure_bytes", "measure_stream", "opaque_probability"]
