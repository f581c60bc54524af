"""Turns references to secrets into values."""
