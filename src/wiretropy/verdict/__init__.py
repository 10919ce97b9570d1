"""What bytes look like: measurements now, verdicts on coding later.

`raw` measures bytes that did not come from a flow.
"""

from wiretropy.verdict.raw import RawMeasurement, measure_bytes, measure_stream

__all__ = ["RawMeasurement", "measure_bytes", "measure_stream"]
