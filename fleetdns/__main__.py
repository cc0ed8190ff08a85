"""`python -m fleetdns` is the fleetdns command."""

from fleetdns.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
