"""Makes the pictures of README and docs/page.md: ``python -m tests.browser.screenshots FOLDER``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from headwater.demo import LAST, load_recorded
from headwater.web import link
from tests.acceptance.door import PAYLOADS, headwater, serving
from tests.browser.chromium import chromium

_WIDE, _DESKTOP = {"width": 1760, "height": 760}, {"width": 1280, "height": 760}
_MART = "file:///data/lake/pipe/mart/customer_orders#amount_eur"
_DIM = "file:///data/lake/delta/customer_dim"
#: Name of the picture, address behind the server's, colours, size of the window.
PICTURES = (
    ("home", "/", "light", _DESKTOP),
    ("column", link("", LAST), "light", _WIDE),
    ("column-dark", link("", LAST), "dark", _WIDE),
    ("impact", link("", _MART) + "&tab=impact", "light", _DESKTOP),
    ("phone", link("", LAST), "light", {"width": 390, "height": 844}),
    ("compared", link("", _DIM) + "&from={first}", "light", _DESKTOP),
)


def main(folder: Path) -> None:
    """Write the pictures. They show the demo's jobs, and one whose logic changed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, chromium() as browser:
        data = Path(place) / "data"
        load_recorded(data)
        headwater("load", PAYLOADS / "k01_delta_lifecycle", "--data", data)
        headwater("own", _MART.partition("#")[0], "team-sales", "--data", data)
        with serving(data) as server:
            versions = server.get(f"/api/v1/queries/dataset-versions?dataset={_DIM}")[1]["rows"]
            first = next(row["run"] for row in reversed(versions) if row["run"])
            for name, path, scheme, size in PICTURES:
                context = browser.new_context(color_scheme=scheme, viewport=size, reduced_motion="reduce")  # type: ignore[arg-type]
                page = context.new_page()
                page.goto(server.url + path.replace("{first}", first))
                page.locator("h1, hw-graph").first.wait_for()
                page.wait_for_timeout(1_500)
                page.wait_for_function("() => !document.querySelector('[aria-busy]')")  # on a slow machine
                page.screenshot(path=folder / f"{name}.png")
                context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
