"""Order of resourceVersions: positive integers are comparable within one kind (KEP-5504), anything else is opaque."""


def is_older(version: str, other: str) -> bool:
    """True where both can be compared and version comes before other; False in every other case."""
    if not (_is_comparable(version) and _is_comparable(other)):
        return False
    return (len(version), version) < (len(other), other)


def _is_comparable(version: str) -> bool:
    return version.isascii() and version.isdigit() and not version.startswith("0")
