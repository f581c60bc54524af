"""One event in, one outcome out. No retry here: that is the flow's."""
