"""The frame of a page: a document that needs nothing from elsewhere."""

import re
from html import escape

from monitor.shells.web.style import CSS, content_security_policy

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""No document may hold these; values of a table do, and a terminal obeys some of them."""


def page(title: str, content: str) -> str:
    """A whole document, which can be mailed, attached to a build or opened from a folder; `content` is HTML."""
    policy = escape(content_security_policy())
    document = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head>"
        f'<body class="driftline"><main>{content}</main></body></html>\n'
    )
    return _without_control(document)


def fragment(content: str) -> str:
    """The same for a place in another page, as notebooks have."""
    return _without_control(f'<style>{CSS}</style><div class="driftline">{content}</div>')


def _without_control(document: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", document)
