from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from gaugeconv.files import atomic_path


def test_a_missing_folder_is_named_and_not_the_temporary_file(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError) as caught, atomic_path(folder / "a.txt"):
        pass
    error = caught.value
    assert (error.errno, error.strerror, error.filename) == (
        errno.ENOENT,
        "no such folder",
        str(folder),
    )


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    with pytest.raises(NotADirectoryError) as caught, atomic_path(file / "a.txt"):
        pass
    assert caught.value.filename == str(file)


def test_files_get_the_permissions_of_the_umask(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with atomic_path(tmp_path / "atomic") as temporary:
        temporary.write_text("")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")}
    assert len(modes) == 1


def test_writing_never_touches_the_umask_of_other_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: int) -> int:
        raise AssertionError("the umask was changed")

    monkeypatch.setattr(os, "umask", forbidden)
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with atomic_path(tmp_path / f"{number}.txt") as temporary:
                temporary.write_text(str(number))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.txt" for n in range(8)]
