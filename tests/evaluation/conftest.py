import pandas as pd
import pytest

from evaluation.synthetic_runs import STUDY, Project, write_project
from newstance.evaluation.compare import compare


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Project:
    return write_project(tmp_path_factory.mktemp("study"), STUDY)


@pytest.fixture(scope="session")
def study_tables(study: Project) -> dict[str, pd.DataFrame]:
    return compare(study.runs, study.prepared, study.settings, study.labels)
