"""Whether the same commands would give the same again: configuration, versions, seed, whole artefacts."""

import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from hybrid.artifacts import MANIFEST, read_manifest, sha256_json, verify
from hybrid.errors import IntegrityError
from hybrid.preflight.answers import Evidence, Found, Situation

_LOCKS = ("requirements.lock", "requirements.txt")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;#]+)")


def repeatable(situation: Situation) -> Found:
    """A hash of the configuration, a lock file that says what is installed, manifests that hold."""
    config = situation.config
    found = [Evidence(f"configuration {sha256_json(config.model_dump(mode='json'))[:12]}, seed {config.seed}")]
    missing = []
    lock = next((Path(name) for name in _LOCKS if Path(name).is_file()), None)
    pinned = pins(lock) if lock else {}
    if lock is None or not pinned:
        missing.append("write down what is installed: pip freeze > requirements.lock")
        found.append(Evidence("it pins no version", lock.name) if lock else Evidence("no lock file in this folder"))
    else:
        differing = differs(pinned)
        text = f"{len(differing)} packages are installed in other versions" if differing else "versions are locked"
        found.append(Evidence(f"{text}{': ' + ', '.join(differing[:3]) if differing else ''}", lock.name))
        if differing:
            missing.append(f"install from {lock.name}, or write it again")
    artefacts, broken = sorted(path.parent for path in situation.root.glob(f"*/{MANIFEST}")), []
    for path in artefacts:
        manifest = read_manifest(path)
        try:
            if manifest is not None:
                verify(path, manifest)
        except IntegrityError as error:
            broken.append(error.problem)
    found.append(Evidence(broken[0] if broken else f"{len(artefacts)} artefacts, each as its manifest says"))
    if broken:
        missing.append("delete the broken artefact and run its command again")
    return Found("no" if missing else "yes", tuple(found), "; ".join(missing))


def pins(lock: Path) -> dict[str, str]:
    """Versions by package, of the lines that say `package==version`."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return {match[1]: match[2] for line in lines if (match := _PINNED.match(line))}


def differs(pinned: Mapping[str, str]) -> list[str]:
    """Packages whose installed version is not the pinned one; local tags such as `+cpu` are the same version."""
    found = []
    for name, version in pinned.items():
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            # a lock serves several platforms: what is not installed is not another version
            continue
        if installed.partition("+")[0] != version.partition("+")[0]:
            found.append(f"{name} {installed}, not {version}")
    return found
