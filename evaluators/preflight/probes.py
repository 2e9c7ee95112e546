"""Texts on which a tokenizer shows what it does; short, so that their ids can be kept in a pin and read by eye."""

from __future__ import annotations

__all__ = ["PROBES"]

PROBES: dict[str, str] = {
    "plain": "The committee will publish its report in the spring.",
    "capitals": "NASA and the EU signed the Paris Agreement.",
    "accents": "Café naïve, señor, Übermut",
    "numbers": "On 14 March 2023, 1,250.75 kg were shipped.",
    "code": "def area(r): return 3.14 * r ** 2",
    "spaces": "  two  spaces\tand a tab\n",
    "apostrophes": "They've said it isn't the dog's.",
}
