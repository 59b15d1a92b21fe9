"""Detection of faults: labelled days, planted faults, untouched buildings, the night run."""
