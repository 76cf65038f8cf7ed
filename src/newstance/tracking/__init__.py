"""Runs in MLflow: an experiment is a parent run with one nested run a seed, and a run folder is logged exactly once.

The only place that imports mlflow, and only when something is tracked: a machine without it trains all the same.
"""

from newstance.tracking.live import LiveRun, live
from newstance.tracking.search import LiveSearch, live_search
from newstance.tracking.store import available, store_uri
from newstance.tracking.track import Tracked, track

__all__ = ["LiveRun", "LiveSearch", "Tracked", "available", "live", "live_search", "store_uri", "track"]
