"""One control plane for the session, with what a user would have applied: crds/ and deploy/.

Each test has a namespace of its own. Beside ours the plane knows one kind of Knative's, `Broker`,
and the role that gathers who may read such kinds, both reduced to what an operator sees of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from tests.real.kubelab.client import Manifest, documents
from tests.real.kubelab.kubectl import Kubectl
from tests.real.kubelab.kubelet import Kubelet
from tests.real.kubelab.plane import ControlPlane
from tests.real.operator.installation import install
from tests.real.operator.knative import BROKERS, addressables
from tests.real.operator.places import CRDS
from tests.real.operator.process import OperatorProcess
from tests.real.servers.started import started

_FIGURES: Final = pytest.StashKey[list[str]]()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes lines that are printed when the run ends, whether its tests pass or fail."""
    told = request.config.stash.setdefault(_FIGURES, [])
    name = request.node.name

    def tell(line: str) -> None:
        told.append(f"{name}: {line}")

    return tell


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was measured."""
    for line in config.stash.get(_FIGURES, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def definitions() -> list[Manifest]:
    """The custom resource definitions of crds/."""
    return [document for _, document in documents(CRDS)]


@pytest.fixture(scope="session")
def plane(definitions: list[Manifest]) -> Iterator[ControlPlane]:
    """A control plane, shared by the session."""
    with started(ControlPlane([*definitions, BROKERS])) as plane:
        for role in addressables():
            plane.admin.apply(role)
        yield plane


@pytest.fixture(scope="session")
def kubelet(plane: ControlPlane) -> Iterator[Kubelet]:
    """Says of every pod that it runs, except where a test has given a namespace to a runner."""
    with Kubelet(plane.admin) as kubelet:
        yield kubelet


@pytest.fixture(scope="session")
def kubectl(plane: ControlPlane) -> Kubectl:
    """The command, as somebody who may do everything."""
    return Kubectl(plane.admin.kubeconfig(plane.folder / "kubeconfig"))


@pytest.fixture(scope="session")
def installed(plane: ControlPlane, kubectl: Kubectl) -> list[Manifest]:
    """What deploy/base says, applied; without the Deployment, as tests run the operator."""
    return install(plane.admin, kubectl)


@pytest.fixture(scope="module")
def operator(
    plane: ControlPlane, kubelet: Kubelet, installed: list[Manifest]
) -> Iterator[OperatorProcess]:
    """An operator for all namespaces, for tests that neither stop nor count it.

    It ends with the file that uses it: beside a second one both would answer each other.
    """
    with OperatorProcess(plane) as operator:
        yield operator


@pytest.fixture
def namespace(plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace."""
    with plane.namespace() as name:
        yield name
