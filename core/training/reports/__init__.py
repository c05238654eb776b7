"""The report "Did it learn?": made, worded, drawn."""
