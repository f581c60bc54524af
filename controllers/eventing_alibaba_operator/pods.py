"""The adapters' pods by the Deployment that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eventing_alibaba_operator.watch import Ref, Watch
from eventing_alibaba_operator.words import Pod


class Pods:
    """An index over watches of pods. `wake` gets namespace and Deployment of a pod that changed."""

    def __init__(self, wake: Callable[[str, str], None]) -> None:
        self._wake = wake
        self._by_instance: dict[Ref, dict[str, Pod]] = {}
        self._instances: dict[Ref, str] = {}

    def __len__(self) -> int:
        return len(self._instances)

    def of(self, namespace: str, instance: str) -> Sequence[Pod]:
        """Return the pods of a Deployment."""
        return list(self._by_instance.get((namespace, instance), {}).values())

    def changed(self, watch: Watch[Pod], ref: Ref) -> None:
        """Take over what a watch now has under `ref`."""
        namespace, name = ref
        pod = watch.items.get(ref)
        instance = self._instances.pop(ref, None) if pod is None else pod.instance
        if instance is None:
            return
        if pod is None:
            pods = self._by_instance.get((namespace, instance), {})
            pods.pop(name, None)
            if not pods:
                self._by_instance.pop((namespace, instance), None)
        else:
            self._instances[ref] = instance
            self._by_instance.setdefault((namespace, instance), {})[name] = pod
        self._wake(namespace, instance)
