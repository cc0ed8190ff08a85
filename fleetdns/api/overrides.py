"""ResourceOverride: what is to be different about one object in some clusters. Read leniently: others write it too."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from fleetdns.api.meta import ObjectMeta, Resource

OVERRIDE_GROUP = "placement.kubernetes-fleet.io"
JSON_PATCH = "JSONPatch"
DELETE = "Delete"
CLUSTER_NAME = "${MEMBER-CLUSTER-NAME}"  # in a value, stands for the cluster's name


class ResourceSelector(msgspec.Struct, frozen=True, gc=False):
    """One object beside the override, by kind and name."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""


class LabelRequirement(msgspec.Struct, frozen=True, gc=False):
    """One of matchExpressions."""

    key: str
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.LabelSelector: all of it has to match; an empty one matches everything."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelRequirement, ...] = ()


class ClusterSelectorTerm(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One term; a cluster that matches any of them is selected. KubeFleet can also ask for properties of clusters."""

    label_selector: LabelSelector | None = None
    property_selector: Any = None


class ClusterSelector(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Which clusters; without terms: every one."""

    cluster_selector_terms: tuple[ClusterSelectorTerm, ...] = ()


class JSONPatchOverride(msgspec.Struct, frozen=True, gc=False):
    """One operation of RFC 6902: op is add, remove or replace."""

    op: str = ""
    path: str = ""
    value: Any = None


class OverrideRule(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What is different in the clusters it selects."""

    cluster_selector: ClusterSelector | None = None
    override_type: str = JSON_PATCH
    json_patch_overrides: tuple[JSONPatchOverride, ...] = ()


class OverridePolicy(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Rules in the order in which they apply."""

    override_rules: tuple[OverrideRule, ...] = ()


class ResourceOverrideSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What is selected, and its rules."""

    resource_selectors: tuple[ResourceSelector, ...] = ()
    policy: OverridePolicy | None = None


class ResourceOverride(msgspec.Struct, frozen=True, gc=False):
    """An override in the namespace of the objects it selects."""

    resource: ClassVar[Resource] = Resource(OVERRIDE_GROUP, "v1", "resourceoverrides", "ResourceOverride")

    metadata: ObjectMeta
    spec: ResourceOverrideSpec = ResourceOverrideSpec()
