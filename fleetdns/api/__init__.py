"""Kubernetes wire types as frozen values; only the fields in use are decoded."""
