"""Two themes, dark and light: ink or paper, with a blue and orange pair that colour-blind readers tell apart.

Beyond Textual's own variables each theme names the roles that :mod:`rankscope.tui.cells` styles with, so a
cell says what a colour means and never which colour it is.
"""

from __future__ import annotations

from textual.theme import Theme

__all__ = ["DARK", "LIGHT", "ROLES"]

ROLES = (
    "muted",  # labels and units, readable but behind the figures
    "faint",  # frames and rules
    "rise",  # moved up, kept, fine
    "fall",  # moved down, over budget, warnings
    "bar",  # score bars
    "bar-dim",  # score bars of what is dropped; the empty part of a gauge
    "share-1",  # what the first list gave to a fused score
    "share-2",  # what the second list gave
    "mark",  # query terms in a document
    "row",  # the chosen row, in the column that has the focus
    "row-dim",  # the same document in the other column
    "rail",  # background of the title and key lines
)


def _theme(name: str, *, dark: bool, base: dict[str, str], roles: dict[str, str]) -> Theme:
    variables = {
        **roles,
        "footer-background": roles["rail"],
        "block-cursor-background": roles["row"],
        "block-cursor-foreground": base["foreground"],
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": roles["row-dim"],
        "block-cursor-blurred-foreground": base["foreground"],
        "block-hover-background": roles["row-dim"],
        "input-cursor-background": base["primary"],
        "input-cursor-foreground": base["background"],
        "input-cursor-text-style": "none",
        "input-selection-background": roles["row"],
        "scrollbar": roles["faint"],
        "scrollbar-hover": roles["muted"],
        "scrollbar-active": base["primary"],
        "scrollbar-background": base["background"],
        "scrollbar-background-hover": base["background"],
        "scrollbar-background-active": base["background"],
        "scrollbar-corner-color": base["background"],
        "border": base["primary"],
        "border-blurred": roles["faint"],
    }
    return Theme(name=name, dark=dark, variables=variables, **base)  # type: ignore[arg-type]  # str fields only


DARK = _theme(
    "rankscope-dark",
    dark=True,
    base={
        "primary": "#6cb6ff",
        "secondary": "#8ea4bd",
        "accent": "#f5a742",
        "warning": "#f5a742",
        "error": "#ff8a65",
        "success": "#6cb6ff",
        "foreground": "#d9e1ea",
        "background": "#0f141b",
        "surface": "#151c25",
        "panel": "#1b2430",
    },
    roles={
        "muted": "#8494a7",
        "faint": "#35424f",
        "rise": "#6cb6ff",
        "fall": "#f5a742",
        "bar": "#4f8fcc",
        "share-1": "#3d6a97",
        "share-2": "#84add3",
        "bar-dim": "#3a4754",
        "mark": "#ffd479",
        "row": "#1f3a57",
        "row-dim": "#1a2735",
        "rail": "#161d27",
    },
)

LIGHT = _theme(
    "rankscope-light",
    dark=False,
    base={
        "primary": "#0b5cad",
        "secondary": "#4a5c70",
        "accent": "#a84b00",
        "warning": "#a84b00",
        "error": "#b3261e",
        "success": "#0b5cad",
        "foreground": "#1c232b",
        "background": "#fcfbf8",
        "surface": "#f4f2ed",
        "panel": "#ebe8e1",
    },
    roles={
        "muted": "#5f6b78",
        "faint": "#c3c7cb",
        "rise": "#0b5cad",
        "fall": "#a84b00",
        "bar": "#4d8fd1",
        "share-1": "#2f6ca8",
        "share-2": "#86b3de",
        "bar-dim": "#c9cdd1",
        "mark": "#8a4b00",
        "row": "#cfe3f7",
        "row-dim": "#e8eff6",
        "rail": "#efece5",
    },
)
