"""Servers to try and test against, each a pure core with a thin server: a hub, Traffic Manager, and its DNS."""
