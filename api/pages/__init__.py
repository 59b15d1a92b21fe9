"""The pages of facility managers, in Danish and English."""
