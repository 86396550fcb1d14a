"""What holds for every test: a clean environment, whole assertion messages, and the soak's time."""

from __future__ import annotations

import os

import hypothesis
import pytest

# Shared suites are modules that pytest does not collect; let their asserts explain themselves.
pytest.register_assert_rewrite("tests.contracts", "tests.oracle", "tests.services")
pytest_plugins = [
    "tests.services.neo4j",
    "tests.services.s3",
    "tests.services.server",
    "tests.contracts.buckets",
]

# A busy machine is no reason to fail.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak-minutes",
        type=float,
        default=0,
        help="how long the tests marked `soak` run, all together",
    )


def pytest_configure(config: pytest.Config) -> None:
    # The settings of whoever runs the tests are not ours; ours are not theirs.
    for name in [name for name in os.environ if name.startswith("LINEAGE_")]:
        del os.environ[name]


@pytest.fixture
def soak_s(request: pytest.FixtureRequest) -> float:
    """Seconds this test may run: its equal share of --soak-minutes."""
    n_soaking = sum(item.get_closest_marker("soak") is not None for item in request.session.items)
    return request.config.getoption("--soak-minutes") * 60 / max(1, n_soaking)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    # Skipped alone proves nothing.
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    collect_only = session.config.getoption("collectonly")
    if exitstatus == pytest.ExitCode.OK and not collect_only and not reporter.stats.get("passed"):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
