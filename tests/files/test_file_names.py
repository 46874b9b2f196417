"""File names that any system can keep and nobody is deceived by."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.files.names import LONGEST, clean_name


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\photo.png", "photo.png"),
        ("folder/", "folder"),
        ("a/b\\c/d.txt", "d.txt"),
        ("", "file"), ("..", "file"), ("/", "file"), ("\\..\\", "file"), (" . ", "file"), ("\0", "file"), ("\u200d", "file"),
        ("na\0me\r\n\t.txt", "name .txt"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("\u2066\u200ehidden\u200b\ufeff.txt", "hidden.txt"),
        ("lone\ud800surrogate.txt", "lonesurrogate.txt"),
        ('a<b>c:d"e|f?g*h.txt', "a_b_c_d_e_f_g_h.txt"),
        ("CON", "_CON"), ("nul.txt", "_nul.txt"), ("com1.tar.gz", "_com1.tar.gz"), ("console.txt", "console.txt"),
        (".htaccess", "htaccess"),
        ("trailing. . ", "trailing"),
        ("  two   spaces\u00a0here .txt", "two spaces here .txt"),
        ("Rechnung für Jörg.pdf", "Rechnung für Jörg.pdf"),
        ("u\u0308ber.txt", "\u00fcber.txt"),
        ("👩‍💻.png", "👩‍💻.png"),
    ],
)  # fmt: skip
def test_examples(given_name: str, cleaned: str) -> None:
    assert clean_name(given_name) == cleaned


def test_a_long_name_keeps_its_extension() -> None:
    short = clean_name("ä" * 300 + ".tar.xlsx")
    assert short.endswith("ä.xlsx")
    assert LONGEST - 1 <= len(short.encode()) <= LONGEST
    assert len(clean_name("x." + "y" * 400).encode()) == LONGEST


@given(st.text(max_size=400))
@example("a" * 198 + "./.txt")
@example("0 \x1b 0")
@example("x" * 190 + " " * 9 + ".con .txt")
def test_a_clean_name_is_a_name_and_stays_as_it_is(name: str) -> None:
    cleaned = clean_name(name)
    assert 0 < len(cleaned.encode()) <= LONGEST
    assert not set(cleaned) & set('/\\<>:"|?*\0\r\n\t')
    assert all(unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") for letter in cleaned)
    assert cleaned == cleaned.strip(" .")
    assert clean_name(cleaned) == cleaned
