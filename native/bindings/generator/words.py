"""How names and comments of the header are spelled in the other languages."""

from __future__ import annotations

import html
import re
import textwrap

WIDTH = 120


def pascal(name: str) -> str:
    """`duration_s`, `TOO_SHORT`: DurationS, TooShort."""
    return "".join(word[:1].upper() + word[1:].lower() for word in name.split("_"))


def camel(name: str) -> str:
    """`duration_s`: durationS."""
    spelled = pascal(name)
    return spelled[:1].lower() + spelled[1:]


def sentence(comment: str) -> str:
    """A comment as the documentation of a public name, with null in place of NULL."""
    words = comment.replace("NULL", "null").strip()
    if not words:
        return ""
    if words.split()[0].islower():  # neither mV nor a name
        words = words[0].upper() + words[1:]
    return html.escape(words if words.endswith((".", "?")) else words + ".", quote=False)


def csharp_doc(comment: str, indent: str) -> list[str]:
    """The lines of a summary; none without a comment."""
    words = re.sub(r"`([^`]*)`", r"<c>\1</c>", sentence(comment))
    return _wrapped(f"<summary>{words}</summary>", f"{indent}/// ") if words else []


def java_doc(comment: str, indent: str) -> list[str]:
    """The lines of a javadoc comment; none without a comment."""
    words = re.sub(r"`([^`]*)`", r"{@code \1}", sentence(comment))
    if not words:
        return []
    if len(indent) + len(words) + 8 <= WIDTH:
        return [f"{indent}/** {words} */"]
    return [f"{indent}/**", *_wrapped(words, f"{indent} * "), f"{indent} */"]


def _wrapped(words: str, prefix: str) -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False)
