"""Printed pages, laid out in millimetres from the top: text that fits, bars, and windows for pictures."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ecg2lab.report.words import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE_MM = (297.0, 210.0)
"""A4 landscape."""
LEFT_MM, TOP_MM, FOOT_MM = 16.0, 11.0, 9.0
WIDTH_MM = PAGE_MM[0] - 2 * LEFT_MM
INCH = 25.4
POINT_MM = INCH / 72
INK, DIM, LINE, WARN = "#1a1a2e", "#5a5a6a", "#ccccdd", "#7a4f00"
WARN_PAPER, BAND_PAPER = "#fff4d6", "#eeeeff"
_SMALLEST = 5.0


class Document:
    """Pages that share a title and a footer."""

    def __init__(self, title: str, footer: str) -> None:
        self.title, self._footer = title, footer
        self.sheets: list[Sheet] = []

    def sheet(self, heading: str = "") -> Sheet:
        """Begin a page; each page but the first repeats the title."""
        sheet = Sheet()
        if self.sheets:
            sheet.text(self.title, size=8, colour=DIM, align="right", x=WIDTH_MM, width=120)
            if heading:
                sheet.text(heading, size=11, weight="bold")
            sheet.down(6.5)
        self.sheets.append(sheet)
        return sheet

    def number(self) -> None:
        """Write the footers, once the number of pages is known."""
        for page, sheet in enumerate(self.sheets, 1):
            sheet.y = PAGE_MM[1] - FOOT_MM + 2
            sheet.text(self._footer, size=6.5, colour=DIM, width=WIDTH_MM - 20)
            sheet.text(f"{page} / {len(self.sheets)}", size=6.5, colour=DIM, x=WIDTH_MM, align="right")


class Sheet:
    """One page, and how far down it is filled."""

    def __init__(self) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(PAGE_MM[0] / INCH, PAGE_MM[1] / INCH), facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, PAGE_MM[0]), ylim=(PAGE_MM[1], 0))
        self.axes.axis("off")
        self.y = TOP_MM + 4

    def down(self, millimetres: float) -> None:
        """Move the current position down."""
        self.y += millimetres

    def room(self) -> float:
        """Millimetres above the footer."""
        return PAGE_MM[1] - FOOT_MM - 3 - self.y

    def text(
        self,
        text: str,
        *,
        x: float = 0,
        dy: float = 0,
        size: float = 8,
        width: float = WIDTH_MM,
        colour: str = INK,
        weight: str = "normal",
        align: str = "left",
    ) -> None:
        """One line on the current baseline; if too wide, its font shrinks, then it is cut."""
        line, fitting = _fit(_drawable(text, weight), size, width, weight)
        style: dict[str, Any] = {"color": colour, "weight": weight, "ha": align, "va": "baseline", "parse_math": False}
        self.axes.text(LEFT_MM + x, self.y + dy, line, fontsize=fitting, family="sans-serif", **style)

    def paragraph(self, text: str, *, size: float = 8, colour: str = INK, most: int = 99) -> None:
        """Lines over the whole width, at most `most`; the rest is cut."""
        lines = self.wrapped(text, size, WIDTH_MM)
        if len(lines) > most:
            lines = [*lines[: most - 1], f"{lines[most - 1][:-2]} …"]
        for line in lines:
            self.text(line, size=size, colour=colour)
            self.down(size * POINT_MM * 1.4)

    def wrapped(self, text: str, size: float, width: float) -> list[str]:
        """The text in lines that fit; a word longer than a line is broken."""
        lines = [""]
        for word in _drawable(text).split(" "):
            if lines[-1] and _width(f"{lines[-1]} {word}", size) <= width:
                lines[-1] += f" {word}"
                continue
            if lines[-1]:
                lines.append("")
            for letter in word if _width(word, size) > width else [word]:
                if lines[-1] and _width(lines[-1] + letter, size) > width:
                    lines.append("")
                lines[-1] += letter
        return lines

    def box(self, height: float, colour: str) -> None:
        """A band over the whole width, below the current baseline."""
        self._rectangle(0, WIDTH_MM, self.y, height, colour)

    def rule(self) -> None:
        """A thin line over the whole width, above the current line of text."""
        self.axes.plot([LEFT_MM, LEFT_MM + WIDTH_MM], [self.y - 3.3] * 2, color=LINE, linewidth=0.4)

    def bar(self, x: float, width: float, share: float, colour: str) -> None:
        """A bar from the left on its background."""
        self._rectangle(x, width, self.y - 2.4, 2.6, BAND_PAPER)
        self._rectangle(x, width * share, self.y - 2.4, 2.6, colour)

    def whisker(self, x: float, width: float, lowest: float, highest: float, mark: float | None) -> None:
        """A range and a mark on a bar."""
        left, middle = LEFT_MM + x, self.y - 1.1
        self.axes.plot([left + width * lowest, left + width * highest], [middle] * 2, color=INK, linewidth=0.5)
        if mark is not None:
            self.axes.plot([left + width * mark] * 2, [middle - 1.9, middle + 1.9], color=INK, linewidth=1)

    def side(self, middle: float, half: float, share: float, colour: str) -> None:
        """A bar from the middle to the right, or to the left if the share is below zero."""
        self._rectangle(middle + min(0, half * share), abs(half * share), self.y - 2, 2.2, colour)
        self.axes.plot([LEFT_MM + middle] * 2, [self.y - 2.4, self.y + 0.6], color=DIM, linewidth=0.4)

    def window(self, width: float, height: float) -> Axes:
        """Axes for a picture of this size, in its millimetres, with their upper edge here."""
        w, h = PAGE_MM
        return self.figure.add_axes((LEFT_MM / w, (h - self.y - height) / h, width / w, height / h))

    def _rectangle(self, x: float, width: float, y: float, height: float, colour: str) -> None:
        left = LEFT_MM + x
        self.axes.fill_between((left, left + width), y, y + height, color=colour, linewidth=0)


def _fit(text: str, size: float, width: float, weight: str) -> tuple[str, float]:
    needed = _width(text, size, weight)
    if needed <= width:
        return text, size
    size = max(_SMALLEST, size * width / needed)
    while len(text) > 1 and _width(text, size, weight) > width * 1.001:
        text = text[:-2].rstrip() + "…"
    return text, size


def _width(text: str, size: float, weight: str = "normal") -> float:
    """Of a line, in millimetres; without kerning, which makes it a little narrower."""
    return sum(_advance(letter, weight) for letter in text) * size * POINT_MM


@lru_cache(maxsize=4096)
def _advance(letter: str, weight: str) -> float:
    """Of one letter, in sizes of the font."""
    font = _font(weight)
    font.set_size(100, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


def _drawable(text: str, weight: str = "normal") -> str:
    """In one line, with a box for a letter that the font lacks."""
    letters = _letters(weight)
    return "".join(letter if ord(letter) in letters else "□" for letter in clean(text))


@lru_cache(maxsize=4)
def _letters(weight: str) -> frozenset[int]:
    return frozenset(_font(weight).get_charmap())


def _font(weight: str) -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties(family="sans-serif", weight=weight)))
