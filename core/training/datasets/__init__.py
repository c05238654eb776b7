"""Rows of a file to a version of a data set: read, mapped, cleaned, split, looked through for faults."""
