"""docs/frontend.md, followed on the shop of the README: its files are all it takes, and compile."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.management.front_end import ROOT, STRICTEST, FrontEnd, make_front_end
from tests.test_readme import SETTINGS
from tests.test_readme import files as readme_files

pytestmark = [pytest.mark.integration, pytest.mark.slow]

GUIDE = (ROOT / "docs" / "frontend.md").read_text()


def guide_files(variant: str = "") -> dict[str, str]:
    """Return path → content of the blocks that begin with a path; *variant*: those of urql."""
    found = {}
    for block in re.findall(r"^```tsx?\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE):
        heading = re.match(r"// (frontend/[\w/.]+)(.*)\n", block)
        if heading and heading[2] == variant:
            found[heading[1]] = block
    return found


@pytest.fixture
def shop(tmp_path: Path) -> FrontEnd:
    """The project of the README with the front end of the guide."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": ""}

    def django(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    django("-m", "django", "startproject", "mysite", ".")
    django("-m", "django", "startapp", "shop")
    for path, content in readme_files().items():
        (tmp_path / path).write_text(content)
    with (tmp_path / "mysite" / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    front_end = make_front_end(tmp_path)
    (front_end.folder / "src").mkdir()
    for path, content in guide_files().items():
        (tmp_path / path).write_text(content)
    options = {**STRICTEST, "skipLibCheck": True, "jsx": "react-jsx", "types": ["vite/client"]}
    del options["noPropertyAccessFromIndexSignature"]  # import.meta.env is one
    configuration = json.dumps({"compilerOptions": options, "include": ["src"]})
    (front_end.folder / "tsconfig.json").write_text(configuration)

    environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    told = django("manage.py", "makefrontend")
    assert told == (
        "wrote schema/schema.graphql\nwrote schema/operations/order.graphql\n"
        "wrote schema/documents.json\n"
        "generated TypeScript in frontend\n"
    )
    return front_end


def test_the_guide_names_the_files_of_a_front_end():
    assert set(guide_files()) == {
        "frontend/codegen.ts",
        "frontend/vite.config.ts",
        "frontend/src/socket.ts",
        "frontend/src/main.tsx",
        "frontend/src/Order.tsx",
    }
    assert set(guide_files(", with urql")) == {"frontend/src/main.tsx"}


def test_a_reader_gets_a_page_on_apollo_client_and_on_urql(shop):
    assert "export const orderChannel" in shop.generated.read_text()
    shop.compile()

    page = shop.folder / "src" / "Order.tsx"
    page.write_text(page.read_text().replace("@rxgraph/client/apollo", "@rxgraph/client/urql"))
    for path, content in guide_files(", with urql").items():
        (shop.base / path).write_text(content)
    shop.compile()

    page.write_text(page.read_text().replace("state.customer", "state.client"))
    with pytest.raises(AssertionError, match="Property 'client' does not exist"):
        shop.compile()
