"""The demo: one flight with an alert, watched live, judged against the world's truth, and reported as a page."""
