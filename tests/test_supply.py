"""Nothing secret is in the repository, and everything that is installed is locked."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a key of AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a token of GitHub": r"\bgh[pousr]_[0-9A-Za-z]{36}\b|\bgithub_pat_\w{40}",
    "a token of GitLab": r"\bglpat-[0-9A-Za-z_-]{20}\b",
    "a token of Slack": r"\bxox[abprs]-[0-9A-Za-z-]{10}",
    "a token of PyPI": r"\bpypi-[0-9A-Za-z_-]{50}",
    "a token of npm": r"\bnpm_[0-9A-Za-z]{36}\b|_authToken\s*=",
    "a key of Stripe or OpenAI": r"\bsk[-_](?:live|proj|ant)[-_]\w{16}",
    "a JWT": r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}",
    "a password in a URL": r"\b[a-z][a-z0-9+]*://[^\s/:@'\"{}<>$]+:(?!password@)[^\s/:@'\"{}<>$]{6,}@",
    "a secret key of Django": r"django-insecure-\S{20}",
}
#: What looks like one in here is what this file is about.
OWN = {"tests/test_supply.py"}


def _files() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("this is no checkout")
    names = [name for name in done.stdout.decode().split("\0") if name and name not in OWN]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


@pytest.mark.slow
def test_nothing_secret_is_in_the_repository() -> None:
    found = []
    for path in _files():
        text = path.read_bytes().decode(errors="ignore")
        is_test = path.is_relative_to(ROOT / "tests")
        for name, pattern in SECRETS.items():
            if is_test and name == "a password in a URL":
                continue  # made up
            found += [
                f"{path.relative_to(ROOT)}: {name}: {match.group()[:40]}"
                for match in re.finditer(pattern, text)
            ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA PRIVATE KEY-----",
        "aws = AKIA" + "ABCDEFGHIJKLMNOP",
        "postgresql://rx:hunter22@db.example/x",
        "//registry.example/:_authToken = abc",
    ],
)
def test_what_is_secret_would_be_found(line: str) -> None:
    assert any(re.search(pattern, line) for pattern in SECRETS.values())


def test_no_file_is_named_like_a_secret() -> None:
    names = re.compile(r"(^|/)(\.env(\..*)?|id_(rsa|ed25519)|.*\.(pem|p12|key|kdbx))$")
    assert [path for path in map(str, _files()) if names.search(path)] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "requirements").glob("dev*.txt")), ids=lambda p: p.name
)
def test_every_python_package_is_locked_by_version_and_hash(path: Path) -> None:
    text = path.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    loose = [line[:60] for line in lines if "==" not in line or "--hash=sha256:" not in line]
    assert loose == []


@pytest.mark.parametrize("folder", ["tests/clients", "frontend_codegen"])
def test_every_javascript_package_is_locked_by_hash(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    loose = [
        name
        for name, package in lock["packages"].items()
        if "node_modules/" in name and not package.get("link") and not package.get("integrity")
    ]
    assert loose == []
