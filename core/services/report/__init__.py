"""The pilot report: what a trial was worth, on one page that can be printed and sent."""
