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
        before = self._instances.get(ref)
        if before is not None and (pod is None or pod.instance != before):
            self._take_out(namespace, before, name)
        if pod is not None:
            self._instances[ref] = pod.instance
            self._by_instance.setdefault((namespace, pod.instance), {})[name] = pod
            self._wake(namespace, pod.instance)

    def _take_out(self, namespace: str, instance: str, name: str) -> None:
        """A pod is gone, or somebody has given it another label, to look at it in peace."""
        del self._instances[namespace, name]
        pods = self._by_instance[namespace, instance]
        del pods[name]
        if not pods:
            del self._by_instance[namespace, instance]
        self._wake(namespace, instance)
