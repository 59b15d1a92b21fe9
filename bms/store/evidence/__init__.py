"""Hash chains, whatever keeps them: their digests and how they are checked."""
