"""Where the next page of a list may be, with all the spellings of one address."""

from __future__ import annotations

import pytest

from fleetdns.azure.pages import Page, read_pages
from fleetdns.errors import Transient

FIRST = "the first page"
ARM = "https://arm.example"


async def pages_read(endpoint: str, link: str) -> list[str]:
    """What is asked for when the first page of a list names `link` as its next one."""
    asked: list[str] = []

    async def read(url: str, _: float) -> Page | None:
        asked.append(url)
        return Page(link if url == FIRST else None)

    await read_pages(FIRST, endpoint=endpoint, limit=5.0, read=read)
    return asked


@pytest.mark.parametrize(
    ("endpoint", "link"),
    [
        pytest.param(ARM, f"{ARM}/list?page=2", id="as it was given"),
        pytest.param(ARM, f"{ARM}:443/list?page=2", id="with the port of https"),
        pytest.param(f"{ARM}:443", f"{ARM}/list?page=2", id="without the port that was given"),
        pytest.param("http://127.0.0.1", "http://127.0.0.1:80/list?page=2", id="with the port of http"),
        pytest.param(ARM, "HTTPS://ARM.Example/list?page=2", id="in capitals"),
    ],
)
async def test_a_list_goes_on_at_its_own_host_however_that_is_spelled(endpoint: str, link: str) -> None:
    assert await pages_read(endpoint, link) == [FIRST, link]


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://elsewhere.example/list", id="another host"),
        pytest.param("http://arm.example:443/list", id="another scheme"),
        pytest.param(f"{ARM}:8443/list", id="another port"),
        pytest.param(f"{ARM}:80/list", id="the port of another scheme"),
        pytest.param(f"{ARM}:0/list", id="a port that nobody has"),
        pytest.param(f"{ARM}:443x/list", id="a port that is none"),
        pytest.param("https://me@arm.example/list", id="with a name to log in"),
        pytest.param("https://arm.example:443@elsewhere.example/list", id="disguised as ours"),
        pytest.param("https://[arm.example/list", id="no address"),
        pytest.param("list", id="no host"),
    ],
)
async def test_a_list_that_goes_on_anywhere_else_is_no_list(link: str) -> None:
    with pytest.raises(Transient) as failure:
        await pages_read(ARM, link)
    assert failure.value.code == "UndecodableAnswer"
