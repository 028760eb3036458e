"""A run, or a study, as one page that needs nothing else: no network, no server, no other file."""

from steergan.extras import needed_by

with needed_by("steergan.report"):
    from steergan.report.page import Page, Wish, report_page, write_report

__all__ = ["Page", "Wish", "report_page", "write_report"]
