"""The pool "project": one repository, all of its worktrees, and nobody else's."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from moai_flow.pool import stores
from moai_flow.pool.definition import Pool
from moai_flow.pool.machine import machine_id
from moai_flow.pool.repository import is_project_pool, project_pool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(*arguments: object) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", *map(str, arguments)], check=True, capture_output=True
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "shop"
    git("init", "-q", place)
    git("-C", place, "commit", "-q", "--allow-empty", "-m", "first")
    return place


def test_all_worktrees_are_one(repository: Path, tmp_path: Path) -> None:
    """The main one, a linked one, and any folder in them."""
    git("-C", repository, "worktree", "add", "-q", tmp_path / "elsewhere/feature")
    below = tmp_path / "elsewhere/feature/a/b"
    below.mkdir(parents=True)
    name = project_pool(str(repository))
    assert name.startswith("project-shop-")
    assert is_project_pool(name)
    assert project_pool(str(tmp_path / "elsewhere/feature")) == name
    assert project_pool(str(below)) == name


def test_relative_links_are_followed(repository: Path, tmp_path: Path) -> None:
    """Newer releases of git can write them."""
    tree = tmp_path / "feature"
    git("-C", repository, "worktree", "add", "-q", tree)
    own = repository / ".git/worktrees/feature"
    (tree / ".git").write_text(f"gitdir: {os.path.relpath(own, tree)}\n")
    (own / "gitdir").write_text(f"{os.path.relpath(tree / '.git', own)}\n")
    assert project_pool(str(tree)) == project_pool(str(repository))


def test_worktrees_of_a_bare_repository_are_one(repository: Path, tmp_path: Path) -> None:
    """It has no worktree of its own."""
    git("clone", "-q", "--bare", repository, tmp_path / "shop.git")
    for name in ("one", "two"):
        git("-C", tmp_path / "shop.git", "worktree", "add", "-q", "-b", name, tmp_path / name)
    assert project_pool(str(tmp_path / "one")) == project_pool(str(tmp_path / "two")) != project_pool(str(repository))


def test_other_repositories_are_others(repository: Path, tmp_path: Path) -> None:
    """Of the same name too; a folder outside of any is one of its own."""
    other = tmp_path / "other/shop"
    git("init", "-q", other)
    plain = tmp_path / "plain"
    plain.mkdir()
    names = {project_pool(str(place)) for place in (repository, other, plain)}
    assert len(names) == 3


def test_a_project_cannot_claim_another_repository(repository: Path, tmp_path: Path) -> None:
    """Its `.git` may name any folder; that folder must name it in turn."""
    git("-C", repository, "worktree", "add", "-q", tmp_path / "feature")
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for content in (
        f"gitdir: {repository}/.git/worktrees/feature\n",
        f"gitdir: {repository}/.git\n",
        f"gitdir: {repository}/.git/worktrees/feature/../feature\n",
        "gitdir: /dev/zero\n",
        "nothing\n",
        "gitdir: " + "x/" * 5_000,
    ):
        (hostile / ".git").write_text(content)
        assert project_pool(str(hostile)) != project_pool(str(repository))
        assert project_pool(str(hostile)).startswith("project-hostile-")


def test_a_pipe_in_place_of_a_file_holds_nobody_up(tmp_path: Path) -> None:
    """It is no regular file, so it is not opened."""
    os.mkfifo(tmp_path / ".git")
    assert is_project_pool(project_pool(str(tmp_path)))


def test_project_pools_take_the_limits_of_the_setting(repository: Path) -> None:
    """One definition, a pool for each repository."""
    pools = (Pool("project", 500, "day", {"backend": 5}), Pool("team", 7))
    found = stores.named("project", pools, str(repository))
    assert (found.name, found.limit, found.per, found.swarms) == (
        project_pool(str(repository)),
        500,
        "day",
        {"backend": 5},
    )
    assert stores.named("team", pools, str(repository)) is pools[1]
    assert stores.named("new", pools, str(repository)) == Pool("new")
    assert stores.defined(found.name, pools) == found


@pytest.mark.parametrize("name", ["project", "project-x", "project-x-123", "project-x-00000000000000zz"])
def test_other_names_are_no_repositorys(name: str) -> None:
    """Somebody may call a pool so."""
    assert not is_project_pool(name)


# -- the machine's id --------------------------------------------------------------------------------------------


def test_a_machine_keeps_its_id(tmp_path: Path) -> None:
    """Made once; another state folder is another machine."""
    first = machine_id(f"{tmp_path}/a")
    assert machine_id(f"{tmp_path}/a") == first != machine_id(f"{tmp_path}/b")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["machine"]


@pytest.mark.parametrize("content", [b"", b"a b", b"\xff", b"x" * 100], ids=repr)
def test_a_damaged_id_is_made_anew(tmp_path: Path, content: bytes) -> None:
    """And kept from then on."""
    (tmp_path / "machine").write_bytes(content)
    made = machine_id(str(tmp_path))
    assert machine_id(str(tmp_path)) == made
