"""Check what we install: known vulnerabilities where an advisory index answers, and licences.

Run by `make check`. It changes nothing. It fails on a known vulnerability, and says so where no
advisory index can be reached. Licences are listed; one that nobody has reviewed is named, but does
not fail the build, since a dependency of a dependency may change its metadata any day.
"""

import json
import subprocess
import sys
from collections import Counter
from importlib.metadata import Distribution, distributions
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"
FREE = ("MIT", "BSD", "Apache", "Python Software", "PSF", "Mozilla", "MPL", "ISC", "CNRI", "HPND")
# Licences outside FREE, each with why it may be installed. None of their code is copied or linked.
REVIEWED = {
    "Levenshtein": "GPL-2.0+; a dependency of TextAttack, used as installed",
    "language_tool_python": "GPL-3.0; a dependency of TextAttack, never called",
    "num2words": "LGPL; a dependency of TextAttack",
    "codespell": "GPL-2.0; a development tool",
    "nvidia-nccl-cu12": "NVIDIA's own; a dependency of XGBoost's wheel, not used on a CPU",
    "pytest-timeout": "MIT in its repository; its classifier says DFSG approved",
    "skops": "MIT in its repository; its metadata names none",
    "axe-playwright-python": "MIT, with axe-core (MPL-2.0) in it; a development tool",
    "atheris": "Apache-2.0 in its repository; its metadata names none; a development tool",
    "pptree": "MIT in its repository; its metadata names none; a dependency of flair",
}


def main() -> int:
    """Print one line for each part; return 1 where a pinned package has a known vulnerability."""
    found = vulnerabilities()
    for line in (*found, *unreviewed_licences()):
        print(line)
    return 1 if found else 0


def vulnerabilities() -> list[str]:
    """Ask pip-audit about the pinned requirements; an index that does not answer is only named."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(REQUIREMENTS), "--no-deps"]
    options = ["--disable-pip", "--progress-spinner", "off", "--format", "json", "--timeout", "15"]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    try:
        packages = json.loads(run.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        print("vulnerabilities: not audited, no advisory index could be reached")
        return []
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        print("vulnerabilities: not audited, the index reached here carries no advisories")
        return []
    print(f"vulnerabilities: {len(audited)} of {len(packages)} pinned packages audited")
    return [
        f"{package['name']} {package['version']}: {advisory['id']}, "
        f"fixed in {', '.join(advisory['fix_versions']) or 'no release'}"
        for package in audited
        for advisory in package["vulns"]
    ]


def unreviewed_licences() -> list[str]:
    """List installed licences by count and name the packages nobody has looked at."""
    licences = {item.metadata["Name"]: licence_of(item) for item in distributions()}
    counts = Counter(licences.values()).most_common()
    print("licences:", ", ".join(f"{count} {name}" for name, count in counts))
    return [
        f"{name}: licence {licence!r} is not reviewed; add it to REVIEWED with a reason"
        for name, licence in sorted(licences.items())
        if name not in REVIEWED and not any(word in licence for word in FREE)
    ]


def licence_of(distribution: Distribution) -> str:
    """Return the licence a package declares, in a few words."""
    metadata = distribution.metadata
    declared = metadata.get("License-Expression")
    classifiers = [
        item.split("::")[-1].strip()
        for item in metadata.get_all("Classifier") or []
        if item.startswith("License ::") and "OSI Approved" not in item.split("::")[-1]
    ]
    text = (metadata.get("License") or "unknown").strip().splitlines()[0][:40]
    return declared or (classifiers[0] if classifiers else text)


if __name__ == "__main__":
    sys.exit(main())
