"""The name and version under which the kinds live in Kubernetes."""

from __future__ import annotations

from typing import Final

GROUP: Final = "sources.eventing-alibaba.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
