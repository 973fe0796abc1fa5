"""Wheels that are shipped: the plugin's own, and the Synapse packages of this process."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import re
import zipfile
from collections.abc import Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from synapse_ray.errors import PackageError
from synapse_ray.packaging.listing import listing
from synapse_ray.packaging.zipping import LONG_AGO, digest_of

SDK = ("synapse-core", "synapse-ray", "synapse-store")
"""The distributions that ``include_sdk`` ships, those of them that this process can import."""

_WHEEL = "Wheel-Version: 1.0\nGenerator: synapse-ray\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def plugin_wheels(folder: Path, wheels_dir: str) -> list[str]:
    """The names, in ``folder``, of the wheels in its ``wheels_dir``."""
    return [f"{wheels_dir.strip('/')}/{path.name}" for path in sorted((folder / wheels_dir).glob("*.whl"))]


def sdk_wheels() -> dict[str, bytes]:
    """The Synapse packages as wheels, by file name, made of the code that this process imports.

    A wheel's version has the digest of its content behind it (``0.1.0+local.5e1f0c33``), so that it takes the place of
    what the cluster may have of the same version. What the packages depend on is installed as well, by name.
    """
    return dict(_wheel(name, _distribution(name)) for name in SDK if _is_here(name))


def _is_here(name: str) -> bool:
    return importlib.util.find_spec(name.replace("-", "_")) is not None


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        hint = f"install it here, if only as `pip install -e src/{name.replace('-', '_')}`, or leave include_sdk out"
        raise PackageError(f"{name} can be imported but is not installed: it cannot be shipped", hint=hint) from error


def _wheel(name: str, dist: Distribution) -> tuple[str, bytes]:
    package = name.replace("-", "_")
    files = _code(package)
    version = f"{dist.version.partition('+')[0]}+local.{digest_of(sorted(files.items()))[:8]}"
    info = f"{package}-{version}.dist-info"
    metadata = re.sub(r"(?m)^Version: .*$", f"Version: {version}", dist.read_text("METADATA") or "", count=1)
    files[f"{info}/METADATA"] = metadata.encode()
    files[f"{info}/WHEEL"] = _WHEEL.encode()
    files[f"{info}/entry_points.txt"] = (dist.read_text("entry_points.txt") or "").encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD")
    return f"{package}-{version}-py3-none-any.whl", _zipped(files)


def _code(package: str) -> dict[str, bytes]:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations)))
    entries = [entry for entry in listing(folder) if not entry.name.endswith("/")]
    return {f"{package}/{entry.name}": entry.source.read_bytes() for entry in entries}


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    rows = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(content)}")
    return "\n".join([*rows, f"{own},,", ""]).encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
