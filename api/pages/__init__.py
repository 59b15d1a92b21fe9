"""The pages of facility managers, in every language that has a catalogue."""
