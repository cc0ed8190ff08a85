"""fleetdns: one DNS name for a service that runs in many Kubernetes clusters, kept in Azure Traffic Manager."""

__version__ = "0.1.0"
