"""A card as a page: its Markdown with tables, in the width and style in which the Hub shows one."""

import re
from pathlib import Path

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; width: 760px; margin: 24px auto; color: #24292f; }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: 14px; }
th, td { border: 1px solid #d0d7de; padding: 4px 10px; }
pre { background: #f6f8fa; padding: 12px; overflow-x: auto; font-size: 13px; }
code { background: #f6f8fa; } img { max-width: 100%; }
"""


def write_card_page(card: Path) -> Path:
    """card.html beside a README.md, so that its pictures are found."""
    from markdown_it import MarkdownIt

    text = re.sub(r"\A---\n.*?\n---\n", "", card.read_text(encoding="utf-8"), flags=re.DOTALL)
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    page = card.with_name("card.html")
    page.write_text(f"<meta charset='utf-8'><style>{STYLE}</style>{body}", encoding="utf-8")
    return page
