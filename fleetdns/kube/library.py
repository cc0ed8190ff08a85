"""What is used of kubernetes_asyncio: who to be towards an API server, from a kubeconfig or from our own pod."""

from fleetdns.kube.withoutmodels import without_models

with without_models():
    from kubernetes_asyncio.client.configuration import Configuration
    from kubernetes_asyncio.config.config_exception import ConfigException
    from kubernetes_asyncio.config.incluster_config import (
        SERVICE_CERT_FILENAME,
        SERVICE_TOKEN_FILENAME,
        InClusterConfigLoader,
    )
    from kubernetes_asyncio.config.kube_config import load_kube_config_from_dict

__all__ = [
    "SERVICE_CERT_FILENAME",
    "SERVICE_TOKEN_FILENAME",
    "ConfigException",
    "Configuration",
    "InClusterConfigLoader",
    "load_kube_config_from_dict",
]
