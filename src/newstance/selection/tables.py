"""The columns of the simulation's tables, for those who write and read them."""

RANDOM = "random"
DIFFERENCE = ["difference", "difference_low", "difference_high"]
CURVE_COLUMNS = ["task", "budget", "strategy", "labels", "macro_f1", "macro_f1_low", "macro_f1_high", *DIFFERENCE]
AREA_COLUMNS = ["task", "budget", "strategy", "area", "area_low", "area_high", *DIFFERENCE]
AREA_COLUMNS += ["p_bootstrap", "p_bootstrap_holm"]
