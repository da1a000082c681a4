"""``python -m focalis.named``: write everything that is generated from the table, in a checkout."""

from pathlib import Path

from focalis.named.generator import MODULES, source
from focalis.named.pages import PAGES, filled


def main() -> None:
    """Write the generated files, and print the names of those that change."""
    package = Path(__file__).parents[1]
    checkout = package.parents[1]
    texts = {package / module: source(module) for module in MODULES}
    for page in PAGES:
        path = checkout / page
        if path.exists():  # an installed package has no documents
            texts[path] = filled(page, path.read_text("utf-8"))
    for path, text in texts.items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"wrote {path.relative_to(checkout)}")


if __name__ == "__main__":
    main()
