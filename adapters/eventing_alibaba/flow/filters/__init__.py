"""Which events pass: filters as written become one function. Pure; attributes only, never data."""
