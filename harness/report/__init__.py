"""The report on a test session: what was seen of its runs and pods, as HTML, JSON and Markdown."""
