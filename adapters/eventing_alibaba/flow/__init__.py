"""Source → receive → convert → deliver → settle → source; `pipeline.py` alone knows the order."""
