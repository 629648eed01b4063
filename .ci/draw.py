#!/usr/bin/env python3
"""Draws what a terminal shows: `draw.py COLUMNS ROWS LABEL <SCREEN >PICTURE`, the screen as `tmux capture-pane -e` writes it."""

import re, sys
from html import escape

columns, rows, label = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
lines = sys.stdin.buffer.read().decode("utf-8").split("\n")[:rows]
# The width of a letter is 0.602 of its height in the common monospace fonts; textLength brings others to it.
SIZE, WIDTH, HEIGHT, MARGIN = 14, 8.43, 18, 14
GROUND, TEXT = "#11151c", "#d5dae3"
PALETTE = (
    "#2b303b", "#f0717b", "#8fc77f", "#e5c07b", "#6cb2f0", "#c794ea", "#5fc4d0", "#d5dae3",
    "#7f8896", "#ff8b94", "#a8e095", "#f5d58f", "#8cc5ff", "#dcaeff", "#7fe0ec", "#ffffff",
)
PLAIN = {"fg": None, "bg": None, "bold": False, "dim": False, "italic": False, "under": False, "reverse": False}


def color_256(n):
    """Gives a colour of the 256: the 16, a cube, and greys."""
    if n < 16:
        return PALETTE[n]
    if n >= 232:
        return "#" + f"{8 + 10 * (n - 232):02x}" * 3
    steps = (0, 95, 135, 175, 215, 255)
    return "#" + "".join(f"{steps[(n - 16) // place % 6]:02x}" for place in (36, 6, 1))


def styled(style, codes):
    """Applies the numbers of one SGR sequence to a style (ECMA-48, 8.3.117)."""
    style, codes = dict(style), list(codes)
    flags = {1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "reverse"}
    while codes:
        code = codes.pop(0)
        if code == 0:
            style = dict(PLAIN)
        elif code in flags:
            style[flags[code]] = True
        elif code == 22:
            style["bold"] = style["dim"] = False
        elif code - 20 in flags:
            style[flags[code - 20]] = False
        elif code in (38, 48):
            place = "fg" if code == 38 else "bg"
            kind = codes.pop(0)
            if kind == 5:
                style[place] = color_256(codes.pop(0))
            else:
                style[place] = "#" + "".join(f"{codes.pop(0):02x}" for _ in range(3))
        elif code in (39, 49):
            style["fg" if code == 39 else "bg"] = None
        else:
            for first, place, lightness in ((30, "fg", 0), (40, "bg", 0), (90, "fg", 8), (100, "bg", 8)):
                if first <= code < first + 8:
                    style[place] = PALETTE[code - first + lightness]
    return style


def cells(line, style):
    """Gives each character of a line with its style, and the style behind the line."""
    found = []
    # tmux switches to the line-drawing set only where the terminal has no UTF-8, and this one has.
    for part in re.split(r"(\x1b\[[0-9;:]*m|\x1b.)", line):
        if part.startswith("\x1b["):
            style = styled(style, [int(n or 0) for n in re.split("[;:]", part[2:-1])])
        elif not part.startswith("\x1b"):
            found += [(character, style) for character in part]
    return found, style


def colors(style):
    fg, bg = style["fg"] or TEXT, style["bg"] or GROUND
    return (bg, fg) if style["reverse"] else (fg, bg)


def rectangle(x, y, width, height, fill, more=""):
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"{more}/>'


# Parts of a cell that are filled, as (left, top, right, bottom): letters of a font would leave gaps between them.
FILLED = {"█": (0, 0, 1, 1), **{c: (0, 0, n / 8, 1) for n, c in enumerate("▏▎▍▌▋▊▉", 1)}}
# A sparkline stands on the same ground as a gauge.
FILLED |= {c: (0, 1 - n / 8, 1, 1) for n, c in enumerate("▁▂▃▄▅▆▇", 1)}
ARMS = {"─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "urd", "┤": "uld", "┬": "lrd", "┴": "lru"}
ARM = {
    "l": (0, 0.47, 0.5, 0.53), "r": (0.5, 0.47, 1, 0.53), "u": (0.44, 0, 0.56, 0.5), "d": (0.44, 0.5, 0.56, 1),
}

backs, shapes, texts = [], [], []
style = PLAIN
for row, line in enumerate(lines):
    found, style = cells(line, style)
    top = MARGIN + row * HEIGHT
    spans, filled, column = [], [], 0
    while column < len(found):
        character, look = found[column]
        fg, bg = colors(look)
        end = column + 1
        drawn = character in FILLED or character in ARMS or character in "░▚"
        if drawn:
            while end < len(found) and found[end] == found[column] and character in "█░─":
                end += 1
        elif character.isascii():
            # A run ends at two spaces, so that a font of another width is never far from its column.
            while end < len(found) and found[end][1] == look and found[end][0].isascii() and not (
                found[end - 1][0] == found[end][0] == " "
            ):
                end += 1
        left, count = MARGIN + column * WIDTH, end - column
        if bg != GROUND:
            if filled and filled[-1][1:] == [column, bg]:
                filled[-1][1] = end
            else:
                filled.append([column, end, bg])
        if character == "▚":
            # What failed: two quarters of its place, as the letter has them.
            middle = top + HEIGHT / 2
            shapes.append(rectangle(left, top + 2, WIDTH / 2, HEIGHT / 2 - 2, fg))
            shapes.append(rectangle(left + WIDTH / 2, middle, WIDTH / 2, HEIGHT / 2 - 2, fg))
        elif character == "░":
            shapes.append(rectangle(left, top + 2, count * WIDTH, HEIGHT - 4, fg, ' fill-opacity="0.25"'))
        elif drawn:
            for x, y, right, bottom in [FILLED[character]] if character in FILLED else [ARM[a] for a in ARMS[character]]:
                if character == "─":
                    x, right = 0, count
                elif character == "█":
                    right = count
                inset = 2 if character in FILLED else 0
                within = HEIGHT - 2 * inset
                height = (bottom - y) * within
                shapes.append(rectangle(left + x * WIDTH, top + inset + y * within, (right - x) * WIDTH, height, fg))
                if character == "─":
                    break
        else:
            text = "".join(character for character, _ in found[column:end])
            stripped = text.strip(" ")
            if stripped:
                left += (len(text) - len(text.lstrip(" "))) * WIDTH
                more = f' fill="{fg}"' if fg != TEXT else ""
                more += ' font-weight="bold"' if look["bold"] else ""
                more += ' font-style="italic"' if look["italic"] else ""
                more += ' text-decoration="underline"' if look["under"] else ""
                # On the ground of a selected row everything is to be read.
                more += ' fill-opacity="0.6"' if look["dim"] and not look["reverse"] else ""
                if len(stripped) > 1:
                    more += f' textLength="{len(stripped) * WIDTH:.2f}"'
                spans.append(f'<tspan x="{left:.2f}"{more}>{escape(stripped)}</tspan>')
        column = end
    for first, end, bg in filled:
        backs.append(rectangle(MARGIN + first * WIDTH, top, (end - first) * WIDTH, HEIGHT, bg))
    if spans:
        texts.append(f'<text y="{top + 13}">{"".join(spans)}</text>')

width, height = 2 * MARGIN + columns * WIDTH, 2 * MARGIN + rows * HEIGHT
print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}"')
print(f'  role="img" aria-label="{escape(label, quote=True)}">')
print(f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>')
print("\n".join(backs + shapes))
fonts = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
print(f'<g font-family="{fonts}" font-size="{SIZE}" fill="{TEXT}" xml:space="preserve">')
print("\n".join(texts))
print("</g>\n</svg>")
