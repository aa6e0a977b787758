"""The metrics by name; every file of this folder whose name has no leading underscore holds one."""

import sys

from ona.metrics.base import Floats, Metric, collect, metric

METRICS = collect(sys.modules[__name__])
"""Every metric by its name, in alphabetical order."""

__all__ = ["METRICS", "Floats", "Metric", "metric"]
