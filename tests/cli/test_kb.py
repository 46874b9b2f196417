"""`deskbell kb`: articles to a folder and back, as people run it."""

from __future__ import annotations

from pathlib import Path

from .program import complaint, deskbell, done


def test_export_change_and_import(folder: Path) -> None:
    data, texts = folder / "data", folder / "my texts"
    done(data, "demo", "--tickets", "1")
    assert " texts and 0 files in " in done(data, "kb", "export", str(texts))
    count = len(list(texts.glob("*.md")))
    assert count > 90
    assert "--overwrite" in complaint(deskbell(data, "kb", "export", str(texts)), code=1)
    changed = texts / "set-the-display-to-another-language.en.md"
    changed.write_text(changed.read_text().replace("Swedish", "Norwegian"))
    (texts / "new.md").write_text("# A new one\n\nWritten in an editor.")
    (texts / "broken.md").write_bytes(b"# Broken\n\n\xff\xfe")
    refused = deskbell(data, "kb", "import", str(texts))
    assert "Nothing was imported." in complaint(refused, code=1)
    assert "broken.md:3: This is not UTF-8" in refused.stderr
    (texts / "broken.md").unlink()
    said = done(data, "kb", "import", str(texts))
    assert f"1 new, 1 changed, {count - 1} as they were." in said, "nothing had been half-done"
