"""Builders of the demo's binary files. Development only: the product never imports them."""
