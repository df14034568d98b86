from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from generator import compiled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_cache_folder_follows_the_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = compiled._cache_folder()
    assert first == compiled._cache_folder()
    assert first.parent == tmp_path / "alpenglow"
    monkeypatch.setattr(compiled, "_COMPILED_PACKAGES", ("generator",))
    assert compiled._cache_folder() != first


def test_unwritable_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", "utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = compiled._cache_folder()
    assert folder.is_dir()
    assert tmp_path in folder.parents


def test_the_hash_covers_single_files_too() -> None:
    packages = ("generator", "detector")
    one, other = ((*packages, f"study/{name}.py") for name in ("points", "codec"))
    found = {compiled.sources_hash(names) for names in (packages, one, other)}
    assert len(found) == 3
