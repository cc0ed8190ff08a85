"""What there is to say to whoever wrote ResourceOverrides, collected from all rules and clusters, each thing once."""

from __future__ import annotations

from typing import NamedTuple

OVERRIDE_IGNORED = "OverrideIgnored"
OVERRIDE_OVERRULED = "OverrideOverruled"
DNS_LABEL_SHARED = "DNSLabelShared"


class Remark(NamedTuple):
    """Something that whoever wrote this override should know. `override`: its name."""

    override: str
    reason: str
    message: str


class Remarks:
    """The remarks on the overrides of one namespace, while one service is looked at."""

    def __init__(self) -> None:
        self._said: set[Remark] = set()
        self._in_clusters: dict[tuple[str, str], list[str]] = {}  # clusters by override and why

    def ignored(self, override: str, because: str, *, cluster: str | None = None) -> None:
        """Something in an override is ignored, as a sentence; `cluster`: where, if it is not so everywhere."""
        if cluster is None:
            self._said.add(Remark(override, OVERRIDE_IGNORED, f"ignored: {because}"))
        else:
            self._in_clusters.setdefault((override, because), []).append(cluster)

    def overruled(self, override: str, message: str) -> None:
        self._said.add(Remark(override, OVERRIDE_OVERRULED, message))

    def shared(self, override: str, message: str) -> None:
        self._said.add(Remark(override, DNS_LABEL_SHARED, message))

    def all(self) -> tuple[Remark, ...]:
        """Sorted. Of many clusters one is named: who mends it there mends it for the others."""
        for (override, because), clusters in self._in_clusters.items():
            others = " and others" if len(clusters) > 1 else ""
            self.ignored(override, f"in cluster {clusters[0]}{others}, {because}")
        self._in_clusters.clear()
        return tuple(sorted(self._said))
