import pytest

from evaluation.synthetic_runs import Project, write_project


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    return write_project(tmp_path_factory.mktemp("project"))
