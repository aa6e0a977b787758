"""One small simulated company and its inbox, written once."""

import pytest

from connectors.simulated.files import write_company
from ona.simulate.company import company


@pytest.fixture(scope="session")
def made():
    return company(people=60, weeks=3, seed=7)


@pytest.fixture(scope="session")
def inbox(made, tmp_path_factory):
    return write_company(made, tmp_path_factory.mktemp("home") / "inbox")
