"""Where the binaries of a real API server come from, and what is said when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.apiserver.build import Binaries, ensure, find
from tests.apiserver.toolchain import Unavailable


def programs(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


def test_a_variable_for_one_program_wins_over_the_folder_for_both(tmp_path: Path) -> None:
    folder = programs(tmp_path / "assets", "etcd", "kube-apiserver")
    other = programs(tmp_path / "other", "my-apiserver") / "my-apiserver"
    found = find({"KUBEBUILDER_ASSETS": str(folder), "TEST_ASSET_KUBE_APISERVER": str(other)})
    assert found == Binaries(folder / "etcd", other)


def test_what_was_built_before_fills_what_is_not_given(tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    assert find(cache) is None
    folder = programs(tmp_path / "assets", "etcd", "kube-apiserver")
    given = {"TEST_ASSET_ETCD": str(folder / "etcd"), "TEST_ASSET_KUBE_APISERVER": ""}
    assert find(cache | given) is None
    assert find(cache | given | {"KUBEBUILDER_ASSETS": str(folder)}) is not None


def test_a_variable_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="TEST_ASSET_ETCD"):
        find({"TEST_ASSET_ETCD": str(tmp_path / "none")})


def test_where_nothing_can_be_built_one_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    broken = programs(tmp_path / "bin", "go") / "go"
    broken.write_text("#!/bin/sh\n[ $1 = env ] && echo go1.26.1\n[ $1 = env ]\n")
    with pytest.raises(Unavailable, match="KUBEBUILDER_ASSETS") as refused:
        ensure({"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": str(broken.parent)})
    assert "\n" not in str(refused.value)
