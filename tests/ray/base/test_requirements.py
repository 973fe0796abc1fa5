"""Requirements files as workers can read them, and the wheels that go with them."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

from synapse_core.testing import raises
from synapse_ray.config import RayConfig
from synapse_ray.errors import PackageError
from synapse_ray.packaging import Shipment
from synapse_ray.packaging.requirements import THERE, read_requirements
from synapse_ray.packaging.wheels import sdk_wheels

HOST = "https://host"


def test_lines_mean_the_same_on_a_worker(tmp_path: Path):
    """Comments go, included files are put in place, long lines joined; options and addresses stay as they are."""
    (tmp_path / "more.txt").write_text("-r base.txt\nscipy\n")
    (tmp_path / "base.txt").write_text("numpy>=2 # why\n-r more.txt\n")
    (tmp_path / "r.txt").write_text(
        f"# all\n--index-url {HOST}/index\n-r more.txt\n\ntorch==2.0 \\\n  --hash=sha256:00\n"
        f"x @ {HOST}/x.whl#sha256=1\ngit+{HOST}/y@main\n"
    )
    assert read_requirements(tmp_path / "r.txt", tmp_path).lines == (
        f"--index-url {HOST}/index",
        "numpy>=2",
        "scipy",
        "torch==2.0   --hash=sha256:00",
        f"x @ {HOST}/x.whl#sha256=1",
        f"git+{HOST}/y@main",
    )


def test_paths_become_those_of_the_worker(tmp_path: Path):
    """Paths in the shipped folder are told from where it will be; what they lead to is shipped, ignored or not."""
    folder = tmp_path / "plug"
    (folder / "lib").mkdir(parents=True)
    (folder / "c.txt").write_text("numpy<3")
    (folder / "w.whl").write_text("")
    (folder / "r.txt").write_text(f"-e ./lib[fast]\n-c c.txt\n--find-links=lib\n./w.whl\n-f {HOST}/links\n")
    found = read_requirements(folder / "r.txt", folder)
    assert found.lines == (
        f"-e {THERE}/lib[fast]",
        f"-c {THERE}/c.txt",
        f"--find-links {THERE}/lib",
        f"{THERE}/w.whl",
        f"-f {HOST}/links",
    )
    assert found.files == ("lib/", "c.txt", "w.whl")


def test_what_does_not_go_along(tmp_path: Path):
    """A path outside of the shipped folder, and an include that is not there, are named with their file."""
    folder = tmp_path / "plug"
    folder.mkdir()
    for line, parts in {
        "../lib": ("'../lib'", "not shipped"),
        "-r gone.txt": ("gone.txt", "which", "includes"),
    }.items():
        (folder / "r.txt").write_text(line)
        with raises(PackageError, str(folder / "r.txt"), *parts):
            read_requirements(folder / "r.txt", folder)


def test_a_shipment(tmp_path: Path):
    """requirements.txt and wheels are found; Synapse itself is not looked for on an index; a changed wheel is told."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "w-1-py3-none-any.whl").write_text("one")
    (tmp_path / ".gitignore").write_text("wheels/\n")
    (tmp_path / "requirements.txt").write_text("numpy\nSynapse_Core>=0.1\nsynapse-ray[jobs]\nsynapse-corelib\n")
    one = Shipment.of(RayConfig(), tmp_path)
    wheel = f"{THERE}/wheels/w-1-py3-none-any.whl"
    assert one.lines[:-1] == (wheel, "numpy", "synapse-corelib")
    assert one.lines[-1].startswith("# ")
    assert "wheels/w-1-py3-none-any.whl" in {entry.name for entry in one.entries}
    (tmp_path / "wheels" / "w-1-py3-none-any.whl").write_text("two")
    assert Shipment.of(RayConfig(), tmp_path).lines[-1] != one.lines[-1]
    assert Shipment.of(RayConfig(wheels_dir="none", requirements_file=Path("requirements.txt")), tmp_path).lines == (
        "numpy",
        "synapse-corelib",
    )


def test_nothing_to_ship():
    """Without a folder there is nothing to upload, and what is in a requirements file is installed all the same."""
    assert Shipment.of(RayConfig(), None).is_empty
    with raises(PackageError, "gone.txt"):
        Shipment.of(RayConfig(requirements_file=Path("gone.txt")), None)


def test_the_sdk_as_wheels(tmp_path: Path):
    """The Synapse packages are made into wheels that have their code, entry points and needs, and can be imported."""
    wheels = sdk_wheels()
    assert {name.partition("-")[0] for name in wheels} == {"synapse_core", "synapse_ray", "synapse_store"}
    assert all("+local." in name for name in wheels)
    assert wheels == sdk_wheels()
    for name, content in wheels.items():
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            metadata = next(found for found in archive.namelist() if found.endswith("METADATA"))
            assert f"Version: {name.split('-')[1]}\n" in archive.read(metadata).decode()
            archive.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import synapse_ray.base, importlib.metadata as m; print(synapse_ray.__file__, m.version('synapse-core'))\n"
        "print([e.value for e in m.entry_points(group='synapse') if e.name == 'ray'])"
    )
    out = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.startswith(str(tmp_path))
    assert "+local." in out
    assert "synapse_ray.plugin" in out
