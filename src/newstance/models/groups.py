"""Weights that keep large groups of a class, such as one outlet, from standing for the class."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from newstance.errors import NewstanceError
from newstance.models.settings import GroupBalance


def group_weights(settings: GroupBalance | None, table: pd.DataFrame, labels: ArrayLike) -> NDArray[np.float64] | None:
    """Weigh units so that the groups of a class differ less in weight than in size.

    A group is the units of one label that share a value of the column; each of its n units weighs n to the power of
    `-settings.power`, scaled so that the units of a label weigh 1 on average. Power 0 weighs all units alike, power 1
    all groups of a label (the reweighting of B. Y. Idrissi et al., "Simple data balancing achieves competitive
    worst-group-accuracy", CLeaR 2022).

    Parameters
    ----------
    settings
        Column and power; None weighs nothing.
    table
        Holds the column, one row a unit.
    labels
        The units' labels, shape (units,).

    Returns
    -------
    ndarray or None
        Weights, shape (units,); None without settings.

    Raises
    ------
    NewstanceError
        When the table lacks the column.
    """
    if settings is None:
        return None
    if settings.column not in table:
        raise NewstanceError(
            f"'group_balance' needs the column '{settings.column}'; the columns are {', '.join(table.columns)}."
        )
    units = pd.DataFrame({"label": np.asarray(labels), "group": table[settings.column].to_numpy(), "one": 1.0})
    weights = units.groupby(["label", "group"], dropna=False)["one"].transform("size").astype(float) ** -settings.power
    found: NDArray[np.float64] = (weights / weights.groupby(units["label"]).transform("mean")).to_numpy()
    return found
