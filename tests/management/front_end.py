"""Front ends for tests: a folder with the packages of this repository's own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKSPACE = ROOT / "frontend_codegen"

CODEGEN = """import { codegenConfig } from '@rxgraph/client/codegen';

export default codegenConfig();
"""
GENERATED = "src/generated/rxgraph.ts"

STRICTEST = {
    "strict": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "noPropertyAccessFromIndexSignature": True,
    "noImplicitOverride": True,
    "noImplicitReturns": True,
    "noFallthroughCasesInSwitch": True,
    "noUnusedLocals": True,
    "noUnusedParameters": True,
    "noUncheckedSideEffectImports": True,
    "allowUnreachableCode": False,
    "allowUnusedLabels": False,
    "verbatimModuleSyntax": True,
    "isolatedModules": True,
    "erasableSyntaxOnly": True,
    "skipLibCheck": False,
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "bundler",
    "lib": ["ES2023", "DOM"],
    "types": [],
    "noEmit": True,
}


@cache
def packages() -> Path:
    """Return ``node_modules`` of the workspace, our own package built from its sources.

    Without them the test is skipped on a developer's machine, and fails where CI runs.
    """
    found = WORKSPACE / "node_modules"
    missing = None
    if shutil.which("npm") is None:
        missing = "npm is not on PATH"
    elif not (found / ".bin" / "graphql-codegen").exists():
        missing = "frontend_codegen/node_modules is missing: run npm ci there"
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing}; tests of the front end must run in CI")
        pytest.skip(missing)
    with (found / ".building").open("w") as lock:  # others run tests of it at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_built():
            run("npm", "run", "build", "--workspace", "packages/client", folder=WORKSPACE)
    return found


def _is_built() -> bool:
    package = WORKSPACE / "packages" / "client"
    sources = [*(package / "src").rglob("*"), *package.glob("*.json"), *WORKSPACE.glob("*.json")]
    changed = max(source.stat().st_mtime for source in sources)
    built = [file.stat().st_mtime for file in (package / "dist").rglob("*.js")]
    return changed < min(built, default=0)


def run(*command: str, folder: Path) -> str:
    """Run a command that has to succeed; return what it prints."""
    done = subprocess.run(  # noqa: S603
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class FrontEnd:
    """A front end beside the folder of the schema: ``frontend/`` and ``schema/``."""

    base: Path

    @property
    def folder(self) -> Path:
        """Return the folder with ``codegen.ts``."""
        return self.base / "frontend"

    @property
    def generated(self) -> Path:
        """Return the file that the generator writes."""
        return self.folder / GENERATED

    def generate(self) -> str:
        """Run the generator by hand."""
        return run("node_modules/.bin/graphql-codegen", folder=self.folder)

    def compile(self, *sources: Path) -> str:
        """Compile the generated file and *sources*, at the strictest that ``tsc`` knows."""
        for source in sources:
            shutil.copy(source, self.folder / "src" / source.name)
        return run("node_modules/.bin/tsc", "--project", ".", folder=self.folder)


def make_front_end(base: Path, codegen: str = CODEGEN) -> FrontEnd:
    """Make a front end below *base* that has all packages installed."""
    made = FrontEnd(base)
    made.folder.mkdir()
    (made.folder / "node_modules").symlink_to(packages())
    (made.folder / "package.json").write_text('{"type": "module"}')
    (made.folder / "codegen.ts").write_text(codegen)
    configuration = {"compilerOptions": STRICTEST, "include": ["src"]}
    (made.folder / "tsconfig.json").write_text(json.dumps(configuration))
    return made
