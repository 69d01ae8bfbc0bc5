"""One file that needs nothing else: assets inlined, and a policy that forbids anything more.

The policy follows W3C Content Security Policy Level 3, sections 4.2.3 and 6.7.2.3.

>>> hash_source("")
"'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""

import base64
import hashlib
import json
from importlib.resources import files
from string import Template

from chainrule.view.markup import Markup, escape


def asset(name: str) -> str:
    """Read one of the page's own files.

    >>> asset("report.html")[:15]
    '<!DOCTYPE html>'
    """
    return (files("chainrule.view") / "assets" / name).read_text(encoding="utf-8")


def hash_source(content: str) -> str:
    """Name inline content for the policy: the browser runs it only if not one byte differs."""
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def policy(style: str, script: str) -> str:
    """Forbid all that the page does not hold itself.

    >>> policy("", "").split("; ")[:2]
    ["default-src 'none'", 'img-src data:']
    """
    rules = (
        "default-src 'none'",
        "img-src data:",
        f"style-src {hash_source(style)}",
        f"script-src {hash_source(script)}",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def embed(data: object) -> str:
    r"""Write JSON that cannot end the element that holds it.

    >>> print(embed({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    # Plain ASCII: no line separator that old scripts trip over, no lone surrogate.
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def fill(title: str, body: Markup, data: object) -> str:
    """Put a page together from the template, the assets and the content."""
    style, script = asset("report.css"), asset("report.js")
    return Template(asset("report.html")).substitute(
        policy=policy(style, script),
        title=escape(title),
        style=style,
        body=body.text,
        data=embed(data),
        script=script,
    )
