"""Problem → Schedule: pure numpy and scipy, usable alone."""
