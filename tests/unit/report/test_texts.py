"""Texts for people."""

from harness.report.texts import count_things, format_log, redact_all

from .samples import LINE


def test_structured_lines_are_made_readable_and_others_stay() -> None:
    assert format_log(f"plain\n{LINE}\n{{}}", most_lines=3) == ("plain\n12:00:02.512 error   Task failed | E: None\n{}")


def test_the_last_lines_are_kept() -> None:
    assert format_log("a\nb\nc", most_lines=2) == "b\nc"


def test_words_are_counted() -> None:
    assert [count_things(number, "try") for number in (0, 1, 2)] == ["0 tries", "1 try", "2 tries"]
    assert count_things(2, "pod") == "2 pods"


def test_all_texts_are_redacted() -> None:
    value = {"password=a": ["token=b", 1, None, ("secret: c",)], "x": {"y": True}}
    assert redact_all(value) == {"password=***": ["token=***", 1, None, ["secret: ***"]], "x": {"y": True}}
