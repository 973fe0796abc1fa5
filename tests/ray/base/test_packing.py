"""Archives: the same for the same content, and no larger than they may be."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from synapse_core.testing import raises
from synapse_ray.errors import PackageError
from synapse_ray.packaging.listing import listing
from synapse_ray.packaging.zipping import packed, size_text

_contents = st.dictionaries(
    st.text("abcü", min_size=1, max_size=3), st.tuples(st.binary(max_size=20), st.booleans()), min_size=1, max_size=4
)


def digest_of(files: dict[str, tuple[bytes, bool]], *, backwards: bool = False) -> str:
    """The digest of a folder that is made anew, with files (content, whether they may be run) in a folder of it."""
    with tempfile.TemporaryDirectory() as made:
        inner = Path(made) / "pkg"
        inner.mkdir()
        for at, (name, (content, executable)) in enumerate(sorted(files.items(), reverse=backwards)):
            path = inner / name
            path.write_bytes(content)
            path.chmod(0o755 if executable else 0o644)
            os.utime(path, (at * 1000, 10**9 + at * backwards))
        with packed(listing(Path(made)), what=made) as package:
            return package.digest


@settings(max_examples=40)
@given(_contents, _contents)
def test_the_digest_is_that_of_the_content(one: dict[str, tuple[bytes, bool]], other: dict[str, tuple[bytes, bool]]):
    """Names, contents and modes make the digest, not when, where and in which order files were written."""
    assert digest_of(one) == digest_of(one, backwards=True)
    assert (digest_of(one) == digest_of(other)) == (one == other)


def test_what_an_archive_has(tmp_path: Path):
    """All files under their names, what was added beside them, and folders that are empty."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.py").write_text("a = 1\n" * 1000)
    with packed(listing(tmp_path), {"more/b.txt": b"b"}, what="x") as package:
        with zipfile.ZipFile(package.path) as archive:
            assert sorted(archive.namelist()) == ["a.py", "more/b.txt", "sub/"]
            assert archive.read("a.py") == (tmp_path / "a.py").read_bytes()
        assert (package.count, package.raw_size, package.largest[0]) == (2, 6001, ("a.py", 6000))
        assert package.size < 1000
        assert str(package).startswith("2 files, 5.9 KiB, ")
    assert not package.path.exists()


def test_one_that_is_too_large(tmp_path: Path):
    """It is refused before it is whole, with the largest files by name and size, and what to do."""
    for name, size in {"small.py": 10, "huge.bin": 300_000, "big.bin": 200_000}.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    parts = ("plug is too large", "488.3 KiB in 3 files", "97.7 KiB", "293.0 KiB  huge.bin\n", ".synapseignore")
    with raises(PackageError, *parts) as caught:
        packed(listing(tmp_path), what="plug", limit=100_000).__enter__()
    assert str(caught[0]).index("huge.bin") < str(caught[0]).index("big.bin") < str(caught[0]).index("small.py")


def test_one_that_is_far_too_large(tmp_path: Path):
    """A folder that could not fit is refused without being read: a home folder, say."""
    with (tmp_path / "hole.bin").open("wb") as hole:
        hole.truncate(10 * 2**40)
    with raises(PackageError, "10240.0 GiB", "hole.bin"):
        packed(listing(tmp_path), what="home").__enter__()


def test_sizes_as_text():
    """Bytes are told in the unit that fits."""
    assert [size_text(size) for size in (0, 1023, 1024, 5 * 2**20, 3 * 2**40)] == [
        *("0 bytes", "1023 bytes", "1.0 KiB", "5.0 MiB", "3072.0 GiB")
    ]
