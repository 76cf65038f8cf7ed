import numpy as np
from matplotlib.image import imread

from newstance.evaluation.figures import write_figures
from newstance.evaluation.outcomes import Outcomes


def test_a_run_gets_two_pictures_that_are_not_empty(tmp_path):
    generator = np.random.default_rng(3)
    probabilities = generator.dirichlet(np.ones(3), size=40)
    labels = generator.integers(3, size=40)
    outcomes = Outcomes(["favor", "neutral", "against"], np.arange(40), labels, probabilities, probabilities)
    write_figures(outcomes, "A model", tmp_path / "figures")
    pictures = sorted((tmp_path / "figures").iterdir())
    assert [path.name for path in pictures] == ["confusion.png", "reliability.png"]
    for path in pictures:
        assert len(np.unique(imread(path).reshape(-1, 4), axis=0)) > 20
