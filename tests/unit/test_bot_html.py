"""Any value survives rendering: the HTML stays valid by Telegram's rules, and the limits are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.html import Html, clean, clip, fill, fit, joined, lines, plain, runs, text, units
from tests.fakes import telegram_html

anything = st.text(alphabet=st.characters(codec=None), max_size=300)
hard = anything | st.sampled_from(
    ["<b>", "a&amp;b", "&lt;", "{x}", "</code>", "\u202egpj.exe", "\ud800", "a\nb", '"', "🧪"]
)


@given(hard, hard)
def test_any_value_is_shown_as_it_is_and_as_nothing_else(first: str, second: str) -> None:
    html = fill("<b>{first}</b> and <code>{second}</code>", first=first, second=second)
    assert telegram_html.text_of(html) == f"{clean(first)} and {clean(second)}"
    assert plain(html) == f"{clean(first)} and {clean(second)}"


@given(hard)
def test_a_value_is_one_line_and_can_be_sent(value: str) -> None:
    cleaned = clean(value)
    assert not set(cleaned) & set("\n\r\t\u202e\u2028\0")
    cleaned.encode()


@given(hard, st.integers(2, 60))
def test_clipping_keeps_the_limit(value: str, limit: int) -> None:
    assert units(clip(value, limit)) <= limit


@given(st.lists(hard, max_size=30), st.integers(10, 200))
def test_fitting_keeps_the_limit_and_the_html_valid(values: list[str], limit: int) -> None:
    html = joined(" ", [fill("<b>x<i>{value}</i></b><code>{value}</code>", value=value) for value in values])
    fitted = fit(html, limit)
    shown = telegram_html.text_of(fitted)
    assert telegram_html.units(shown) <= limit
    assert shown == plain(html) or plain(html).startswith(shown.removesuffix("…"))


def test_html_is_not_escaped_twice() -> None:
    inner = fill("<b>{name}</b>", name="a<b")
    assert fill("({inner})", inner=inner) == "(<b>a&lt;b</b>)"


def test_links_show_their_address_where_there_are_no_links() -> None:
    html = fill('<a href="{url}">here</a>', url="https://example.org/?a=1&b=2")
    assert plain(html) == "here (https://example.org/?a=1&b=2)"
    assert [run.url for run in runs(html)] == ["https://example.org/?a=1&b=2"]


def test_lines_leave_out_what_is_not_there() -> None:
    assert lines(text("a"), None, Html(""), text("b")) == "a\n\nb"
