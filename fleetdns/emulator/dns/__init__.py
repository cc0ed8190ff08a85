"""The name servers of Traffic Manager: what they answer for a set of profiles, over UDP and TCP."""
