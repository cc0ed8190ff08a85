"""What the administrator decided, in the terms that decisions are made in."""

from __future__ import annotations

from fleetdns.core.guard import Limits
from fleetdns.core.identity import Naming
from fleetdns.core.memory import Settings as PlanSettings
from fleetdns.core.zones import ZONES
from fleetdns.settings import Settings


def naming(settings: Settings, hub_id: str) -> Naming:
    """Where profiles go and what they are called; `hub_id`: the one that was given, or found."""
    return Naming(
        subscription=settings.subscription_id,
        hub_id=hub_id,
        resource_group=settings.resource_group,
        allowed=settings.allowed_resource_groups,
        template=settings.dns_name_template,
        zone=ZONES[settings.azure_cloud],
        tags=settings.tags,
    )


def plan_settings(settings: Settings, hub_id: str) -> PlanSettings:
    """What every decision about a profile is given."""
    return PlanSettings(
        naming(settings, hub_id),
        settings.weight_rounding,
        settings.dry_run,
        Limits(settings.max_removal_percent, settings.sweep_interval),
    )
