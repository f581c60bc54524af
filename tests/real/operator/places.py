"""Where the things under test lie, and what they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[3]
CRDS: Final = ROOT / "crds"
DEPLOY: Final = ROOT / "deploy"
EXAMPLES: Final = ROOT / "examples"

GROUP: Final = "sources.eventing-alibaba.dev"
API_VERSION: Final = f"{GROUP}/v1alpha1"
HOME: Final = "eventing-alibaba"
"""Namespace of the operator."""
ACCOUNT: Final = "eventing-alibaba-operator"
"""Its service account, and the name of its ClusterRole."""
USER: Final = f"system:serviceaccount:{HOME}:{ACCOUNT}"
"""What the API server calls it."""
